// What several views are put together from.
import type { ComponentChildren, RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageRun } from '../protocol';
import { clip, fileName } from './figures';

/** One of a few: radio buttons that look like one control. */
export function Choice<T extends string>({
  label,
  options,
  value,
  choose,
}: {
  readonly label: string;
  readonly options: readonly (readonly [value: NoInfer<T>, text: string])[];
  readonly value: T;
  choose(value: NoInfer<T>): void;
}) {
  const name = useRef(`choice-${++made}`);
  return (
    <fieldset class="choice">
      <legend class="hidden">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input type="radio" name={name.current} checked={option === value} onChange={() => choose(option)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

let made = 0;

/** One of many, with its label before it. (Clipped: the list is as wide as its longest.) */
export function Select({
  label,
  options,
  value,
  choose,
}: {
  readonly label: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  readonly value: string;
  choose(value: string): void;
}) {
  return (
    <label class="select">
      <span>{label}</span>
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {options.map(([option, text]) => (
          <option key={option} value={option}>
            {clip(text, 60)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The run that was looked at last, so that another view begins with it. */
let looked = '';

/** One of the runs that have what a view shows, and the control that chooses it, which is nothing where there is one. */
export function useRun<R extends PageRun>(
  runs: readonly R[],
  first = looked,
): readonly [run: R, control: ComponentChildren] {
  const [id, choose] = useState(first);
  const run = runs.find((one) => one.id === id) ?? runs[0];
  const control = runs.length > 1 && (
    <Select
      label="Run"
      options={runs.map((one) => [one.id, one.name])}
      value={run.id}
      choose={(next) => {
        looked = next;
        choose(next);
      }}
    />
  );
  return [run, control];
}

/** The width of an element in CSS pixels, followed; 0 only where nothing has been drawn yet. */
export function useWidth<E extends Element>(): readonly [ref: RefObject<E | null>, width: number] {
  const ref = useRef<E>(null);
  const [width, setWidth] = useState(0);
  // Before anything is seen.
  useLayoutEffect(() => {
    if (!ref.current) return;
    setWidth(Math.floor(ref.current.getBoundingClientRect().width));
    const watch = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}

/** How a table is sorted. */
export interface Sorting<Column extends string> {
  readonly by: Column;
  readonly down: boolean;
}

/** A column's head with a button that sorts by it, once more the other way round. */
export function SortHead<Column extends string>({
  column,
  text,
  sorting,
  sort,
  first = 'down',
  number = true,
}: {
  readonly column: Column;
  readonly text: string;
  readonly sorting: Sorting<Column>;
  sort(sorting: Sorting<Column>): void;
  /** Which way the first press sorts. */
  readonly first?: 'up' | 'down';
  readonly number?: boolean;
}) {
  const chosen = sorting.by === column;
  const press = (): void => sort({ by: column, down: chosen ? !sorting.down : first === 'down' });
  return (
    <th
      scope="col"
      class={number ? 'number' : undefined}
      aria-sort={chosen ? (sorting.down ? 'descending' : 'ascending') : undefined}
    >
      <button type="button" class="sort" onClick={press}>
        {text}
        <span aria-hidden="true">{chosen ? (sorting.down ? '↓' : '↑') : ''}</span>
      </button>
    </th>
  );
}

/** Rows by a value each: numbers or texts; what is null comes last. */
export function sorted<T>(rows: readonly T[], value: (row: T) => number | string | null, down: boolean): T[] {
  const way = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return way * (typeof x === 'string' ? x.localeCompare(String(y), 'en', { numeric: true }) : x - Number(y));
  });
}

/** A sample's picture, fetched when it comes near; a card with its name where there is none. */
export function Photograph({ address, image }: { readonly address: string | null; readonly image: string }) {
  const [failed, setFailed] = useState<string | null>(null);
  return address === null || failed === address ? (
    <span class="no-photograph">{fileName(image)}</span>
  ) : (
    <img src={address} alt="" loading="lazy" decoding="async" onError={() => setFailed(address)} />
  );
}

/** A dot of a class's colour. */
export const Dot = ({ color }: { readonly color: string }) => (
  <span class="class-dot" style={{ background: color }} aria-hidden="true" />
);

/** A share as a bar; the number stands beside it. */
export const Bar = ({ share, color }: { readonly share: number; readonly color?: string }) => (
  <span class="share-bar" aria-hidden="true">
    <span style={{ width: `${100 * Math.max(0, Math.min(1, share || 0))}%`, background: color }} />
  </span>
);
