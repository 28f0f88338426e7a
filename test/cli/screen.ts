// What a person sees on a terminal to which these texts are written: a stream for tests, and a reader of what a program wrote.
import type { Screen } from '../../src/cli/live';

interface Row {
  cells: string[];
  /** Goes on in the next row. */
  wrapped: boolean;
}

/** Knows what the program may use: line feeds, colours, the cursor up, erasing to the end of line and screen. Anything else throws. */
export class FakeTerminal implements Screen {
  readonly isTTY = true;
  colours = true;
  private all: Row[] = [{ cells: [], wrapped: false }];
  private readonly cursor = { row: 0, column: 0 };
  private readonly listeners: (() => void)[] = [];

  constructor(
    public columns: number,
    public rows = 24,
  ) {}

  hasColors = (): boolean => this.colours;

  on(_: 'resize', listener: () => void): void {
    this.listeners.push(listener);
  }

  write(text: string): void {
    for (const [part, up, code] of text.matchAll(/\x1b\[(\d+)A|(\x1b\[[\d;]*[JKm])|[\s\S]/gu))
      this.take(part, up, code);
  }

  private take(part: string, up: string | undefined, code: string | undefined): void {
    const { cursor, all } = this;
    const row = all[cursor.row];
    if (up !== undefined) cursor.row = Math.max(cursor.row - Number(up), all.length - this.rows, 0);
    else if (code?.endsWith('m')) return;
    else if (code === '\x1b[K' || code === '\x1b[J') {
      row.cells.length = Math.min(row.cells.length, cursor.column);
      row.wrapped = false;
      if (code.endsWith('J')) all.length = cursor.row + 1;
    } else if (part === '\r') cursor.column = 0;
    else if (part === '\n') this.down();
    else if (part < ' ' || code) throw new Error(`a terminal is told ${JSON.stringify(part)}`);
    else {
      if (cursor.column === this.columns) {
        row.wrapped = true;
        this.down();
      }
      const { cells } = all[cursor.row];
      while (cells.length < cursor.column) cells.push(' ');
      cells[cursor.column++] = part;
    }
  }

  private down(): void {
    this.cursor.column = 0;
    if (++this.cursor.row === this.all.length) this.all.push({ cells: [], wrapped: false });
  }

  /** Breaks the lines anew, as most terminals do, and tells the program. */
  resize(columns: number): void {
    const rows: Row[] = [];
    const at = { row: 0, column: 0 };
    for (let i = 0; i < this.all.length; i++) {
      let cells: string[] = [];
      let here = -1;
      for (; ; i++) {
        if (i === this.cursor.row) here = cells.length + this.cursor.column;
        cells = cells.concat(this.all[i].cells);
        if (!this.all[i].wrapped) break;
      }
      const pieces = Math.max(1, Math.ceil(cells.length / columns));
      if (here >= 0) Object.assign(at, { row: rows.length + Math.floor(here / columns), column: here % columns });
      for (let p = 0; p < pieces; p++)
        rows.push({ cells: cells.slice(p * columns, (p + 1) * columns), wrapped: p < pieces - 1 });
    }
    while (rows.length <= at.row) rows.push({ cells: [], wrapped: false });
    this.all = rows;
    Object.assign(this.cursor, at);
    this.columns = columns;
    for (const listener of this.listeners) listener();
  }

  /** Where the cursor is, of the rows of `text`. */
  get place(): [row: number, column: number] {
    return [this.cursor.row, this.cursor.column];
  }

  /** All that stands there, a line each however it is broken, without blanks at the end. */
  get text(): string {
    const joined = this.all.map(({ cells, wrapped }) => (wrapped ? cells.join('') : `${cells.join('').trimEnd()}\n`));
    return joined.join('').trimEnd();
  }
}
