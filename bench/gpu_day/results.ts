// What a day consists of, and what has come of it.

/** One object a line of JSON that a part's commands wrote. */
export type Row = Readonly<Record<string, unknown>>;

export interface Command {
  /** As it stands in the results. */
  readonly label: string;
  /** Program and arguments. @param seconds when it should have ended by itself; at its limit it is killed */
  readonly argv: (seconds: number) => readonly string[];
  /** What an earlier part left out, or has not found: the command is left out, with this reason. */
  readonly without?: string;
}

/** What the parts before have found. */
export interface Known {
  readonly gpu: string | undefined;
  rows(part: string): readonly Row[];
}

export interface Part {
  readonly name: string;
  readonly title: string;
  /** Its share of the time, as weights: what one leaves goes to those behind it. */
  readonly share: number;
  /** Seconds that it gets at least, as long as there are so many. */
  readonly least?: number;
  commands(known: Known): readonly Command[];
}

export type State = 'running' | 'done' | 'failed' | 'no time' | 'cut';

export interface Ran {
  readonly label: string;
  state: 'running' | 'done' | 'failed' | 'left out' | 'no time';
  /** Why, where it is not done. */
  reason?: string;
  seconds: number;
  /** All that it wrote, but for `rows`. */
  lines: string[];
  rows: Row[];
}

export interface Result {
  state: State;
  seconds: number;
  limit: number;
  commands: Ran[];
}

export interface Results {
  readonly version: string;
  /** Of each start: with `--from` there are several. */
  starts: { at: string; minutes: number; from: string | null }[];
  readonly parts: Record<string, Result>;
}

export interface DayOptions {
  readonly minutes: number;
  readonly out: string;
  readonly gpu?: string;
  readonly from?: string;
}
