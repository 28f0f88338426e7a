// A table of shaded squares: one stop of the Tab key, arrow keys within it, Enter or a click on a square.
import { Fragment } from 'preact';
import { useCallback, useMemo, useRef, useState } from 'preact/hooks';
import { css, shade, type Tone } from './colours';
import { useInFrames } from './frames';

export interface CellFace {
  readonly text: string;
  /** How dark it is, 0 to 1. */
  readonly share: number;
  readonly tone: Tone;
}

/** A place in a matrix. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface MatrixProps {
  readonly label: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** What rows are, and columns. */
  readonly axes: readonly [rows: string, columns: string];
  /** All squares, row by row: the same array as long as they are the same. */
  readonly squares: readonly CellFace[];
  /** The square that is pointed at or focused; null: none. */
  look(place: Cell | null): void;
  /** Absent: squares lead nowhere. */
  open?(place: Cell): void;
}

/** Squares that are made in a frame. */
const AT_ONCE = 400;

export function Matrix({ label, rows, columns, axes, squares, look, open }: MatrixProps) {
  const table = useRef<HTMLTableElement>(null);
  const [at, setAt] = useState<Cell | null>(null);
  const show = (place: Cell | null): void => {
    setAt(place);
    look(place);
  };
  const wanted = useMemo(() => ({}), [rows, columns, squares]);
  const each = Math.max(1, Math.floor(AT_ONCE / columns.length));
  const body = useInFrames(Math.ceil(rows.length / each), wanted, (piece) => (
    <Fragment key={piece}>
      {rows.slice(piece * each, (piece + 1) * each).map((row, k) => {
        const r = piece * each + k;
        return (
          <tr key={r}>
            <th scope="row" title={row}>
              <span>{row}</span>
            </th>
            {columns.map((_, c) => {
              const { text, share, tone } = squares[r * columns.length + c];
              return (
                <td
                  key={c}
                  tabIndex={r + c === 0 ? 0 : -1}
                  class={share === 0 ? 'none' : undefined}
                  style={styleOf(share, tone)}
                >
                  {text}
                </td>
              );
            })}
          </tr>
        );
      })}
    </Fragment>
  ));
  const focus = useCallback((row: number, column: number): void => {
    const cell = table.current?.tBodies[0].rows[row]?.cells[column + 1];
    if (!cell) return;
    for (const other of table.current?.querySelectorAll('td[tabindex="0"]') ?? []) (other as HTMLElement).tabIndex = -1;
    cell.tabIndex = 0;
    cell.focus();
  }, []);
  const press = (event: KeyboardEvent): void => {
    const from = placeOf(event.target);
    if (!from || event.altKey || event.metaKey) return;
    const to = { ...from };
    if (event.key === 'ArrowLeft') to.column--;
    else if (event.key === 'ArrowRight') to.column++;
    else if (event.key === 'ArrowUp') to.row--;
    else if (event.key === 'ArrowDown') to.row++;
    else if (event.key === 'Home') Object.assign(to, { column: 0 }, event.ctrlKey && { row: 0 });
    else if (event.key === 'End')
      Object.assign(to, { column: columns.length - 1 }, event.ctrlKey && { row: rows.length - 1 });
    else if ((event.key === 'Enter' || event.key === ' ') && open) open(from);
    else return;
    event.preventDefault();
    if (to.row >= 0 && to.column >= 0) focus(to.row, to.column);
  };
  return (
    <div class="matrix-scroll">
      <table
        ref={table}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: its cells are walked through
        role="grid"
        aria-label={label}
        class={`matrix${columns.length > 10 ? ' many' : ''}${open ? ' opens' : ''}`}
        onKeyDown={press}
        onClick={(event) => {
          const place = placeOf(event.target);
          if (place) open?.(place);
        }}
        onPointerOver={(event) => show(placeOf(event.target))}
        onPointerLeave={() => show(placeOf(document.activeElement))}
        onFocusIn={(event) => show(placeOf(event.target))}
        onFocusOut={() => show(null)}
      >
        <thead>
          <tr>
            <td class="corner">
              <span>{axes[1]} →</span>
              <span>{axes[0]} ↓</span>
            </td>
            {columns.map((column, c) => (
              <th key={c} scope="col" title={column} class={at?.column === c ? 'at' : undefined}>
                <span>{column}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{body}</tbody>
      </table>
    </div>
  );
}

/** The square that an event is of. */
function placeOf(target: EventTarget | null): Cell | null {
  const cell = target instanceof Element ? target.closest<HTMLTableCellElement>('.matrix tbody td') : null;
  return cell && { row: (cell.parentNode as HTMLTableRowElement).sectionRowIndex, column: cell.cellIndex - 1 };
}

const styles = new Map<string, string>();

/** Of so many steps: thousands of squares have few styles. */
function styleOf(share: number, tone: Tone): string | undefined {
  if (!(share > 0)) return undefined;
  const step = Math.min(64, Math.ceil(share * 64));
  const key = `${tone}${step}`;
  const known = styles.get(key);
  if (known) return known;
  const { background, ink } = shade(step / 64, tone);
  const style = `background:${css(background)};color:${css(ink)}`;
  styles.set(key, style);
  return style;
}
