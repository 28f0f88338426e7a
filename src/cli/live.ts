// A few lines at the foot of a terminal that are drawn anew in place, while all else is written above them.

/** What is used of a terminal: `process.stderr` is one. */
export interface Screen {
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  on(event: 'resize', listener: () => void): unknown;
}

/** Milliseconds between two pictures, at least. */
const PACE = 100;

/** From the cursor to the end of the screen. */
const ERASE = '\x1b[J';

/**
 * Between pictures the cursor waits, as it is, at the beginning of the first line, and all below it is erased with the next one. So nothing
 * has to be put back whatever ends the program, a terminal that is made narrower may break the lines as it likes, and what somebody else
 * writes there (`| tee`, the ^C of Ctrl-C) pushes the lines down.
 */
export class Live {
  private lines: ((columns: number) => readonly string[]) | null = null;
  private drawn = false;
  private last = Number.NEGATIVE_INFINITY;
  private due: NodeJS.Timeout | undefined;

  constructor(private readonly screen: Screen) {
    screen.on('resize', () => this.draw());
  }

  /** From now on these lines stand there: what `lines` gives for a number of columns that none of them may exceed. */
  show(lines: (columns: number) => readonly string[]): void {
    this.lines = lines;
    const wait = this.last + PACE - performance.now();
    if (wait <= 0) this.draw();
    else this.drawIn(wait);
  }

  /** Makes room for what is written next; the lines come back behind it. */
  clear(): void {
    if (this.drawn) this.screen.write(ERASE);
    this.drawn = false;
    if (this.lines) this.drawIn(PACE);
  }

  /** Takes the lines away. */
  end(): void {
    this.lines = null;
    this.clear();
    clearTimeout(this.due);
    this.due = undefined;
  }

  private drawIn(ms: number): void {
    this.due ??= setTimeout(() => this.draw(), ms).unref();
  }

  private draw(): void {
    clearTimeout(this.due);
    this.due = undefined;
    if (!this.lines) return;
    this.last = performance.now();
    this.drawn = true;
    // 0: a terminal that does not know.
    const [columns, rows] = [this.screen.columns || 80, this.screen.rows || 24];
    // What fills the last column may break the line; what is more than a screen cannot be erased.
    const lines = this.lines(columns - 1).slice(0, Math.max(1, rows - 1));
    const up = lines.length > 1 ? `\x1b[${lines.length - 1}A` : '';
    this.screen.write(`\r${lines.join('\x1b[K\r\n')}${ERASE}\r${up}`);
  }
}
