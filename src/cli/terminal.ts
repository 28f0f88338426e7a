// All that the program writes: results to stdout, all else to stderr. Names and texts of strangers' files are among it.
import { printable } from '../base/printable';
import { Live, type Screen } from './live';

/**
 * How a command says how it goes: by bars in place (where stderr is a terminal), by a line now and then, by JSON (an object a line on stdout,
 * which has nothing else then, the result too), or not at all.
 */
export const PROGRESS = ['bar', 'lines', 'json', 'off'] as const;
export type ProgressKind = (typeof PROGRESS)[number];

interface Stream extends Screen {
  readonly isTTY?: boolean;
  hasColors?(): boolean;
}

/** The two streams of a program. */
export class Terminal {
  progress: ProgressKind = 'lines';
  /** Lines that stay below all that is written. */
  readonly live: Live;

  constructor(
    private readonly stdout: Stream,
    private readonly stderr: Stream,
  ) {
    this.live = new Live(stderr);
  }

  /** Whether lines can be drawn in place. */
  get canDraw(): boolean {
    return Boolean(this.stderr.isTTY) && process.env.TERM !== 'dumb';
  }

  /** Whether the terminal has colours, and NO_COLOR does not forbid them. */
  get hasColours(): boolean {
    return this.stderr.hasColors?.() ?? false;
  }

  /** A line for people, to stderr. */
  readonly say = (line: string): void => {
    if (this.progress === 'json') this.event('notice', { text: line.trim() });
    else if (this.progress !== 'off') this.complain(line);
  };

  /** What went wrong, to stderr: whatever else is told. */
  readonly complain = (line: string): void => {
    this.live.clear();
    this.stderr.write(`${printable(line)}\n`);
  };

  /** A result for people, to stdout. */
  readonly print = (text: string): void => {
    this.live.clear();
    this.stdout.write(`${printable(text)}\n`);
  };

  /** A result for programs, to stdout: byte for byte unless it goes to a terminal, which Open MPI's, of 0 columns, is not. */
  readonly printData = (text: string): void => {
    this.live.clear();
    this.stdout.write(`${this.stdout.isTTY && this.stdout.columns !== 0 ? printable(text) : text}\n`);
  };

  /** What came of a command that tells its progress: for people, or as an event. */
  readonly printResult = (text: string, data: object): void => {
    if (this.progress === 'json') this.event('result', data);
    else this.print(text);
  };

  /** A line of JSON, to stdout. What is no number is null in it. */
  readonly event = (event: string, data: object): void => this.printData(JSON.stringify({ event, ...data }));
}

export const terminal = new Terminal(process.stdout, process.stderr);
export const { say, complain, print, printData, printResult } = terminal;
