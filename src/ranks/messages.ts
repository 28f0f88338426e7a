// What the program's main thread and the thread that has MPI say to each other, and what both say of failures.
import type { Launched } from './launcher';
import type { Adding } from './ranks';

type Floats = Float32Array<SharedArrayBuffer>;

/** What the thread is started with. */
export interface Start {
  readonly launch: Launched;
  /** Of the library, where one is named. */
  readonly path?: string;
  /** A word that changes when there is a message. */
  readonly bell: Int32Array<SharedArrayBuffer>;
}

/** Why a rank ends all. */
export interface Failure {
  readonly rank: number;
  readonly host: string;
  readonly message: string;
  readonly exitCode: number;
  /** That it stands on the terminal already. */
  readonly told: boolean;
}

export interface Add extends Adding {
  readonly add: Floats;
  readonly part: Floats | null;
}

export type ToThread =
  | Add
  | { readonly gather: Uint8Array }
  /** What is wrong with this rank. */
  | { readonly fail: Pick<Failure, 'message' | 'exitCode'> }
  /** The exit code. */
  | { readonly close: number }
  /** Milliseconds that others may stay behind. Has no answer. */
  | { readonly limit: number };

export type FromThread =
  /** The library, by its name and version, and each rank's host. */
  | { readonly joined: string; readonly hosts: readonly string[] }
  | { readonly unusable: string; readonly isUsage: boolean }
  /** Each rank's bytes; none for `add`. */
  | { readonly done: readonly Uint8Array[] }
  /** In place of an answer, and unasked: what has ended all. */
  | { readonly failures: readonly Failure[] }
  /** All have come to the end, with this exit code. */
  | { readonly closing: number }
  | { readonly closed: true };

/** `rank 2 (HOST): message`; before hosts are known without. */
export const failureLine = ({ rank, host, message }: Pick<Failure, 'rank' | 'host' | 'message'>): string =>
  `rank ${rank}${host && ` (${host})`}: ${message}`;

/** What failures say, once each: without a rank where all say the same; else by the first that does. */
export function distinct(failures: readonly Failure[]): string[] {
  const [first, ...others] = failures;
  if (others.length > 0 && others.every(({ message }) => message === first.message)) return [first.message];
  const seen = new Map(failures.toReversed().map((failure) => [failure.message, failure]));
  return [...seen.values()]
    .toReversed()
    .map((failure) => (failure.rank === 0 ? failure.message : failureLine(failure)));
}
