// The labels of the npy release: a file a number. Many small files, so several threads read them where there are many.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { readNpy } from '../../formats/npy';
import { inThreads } from '../threads';
import { classNumberOf, RowError, unitOf } from './values';

/** The labels of a face, each in `ID_NAME.npy`; the bit of each in `has` tells that the file is there. */
export const LABELS = ['exp', 'val', 'aro'] as const;

/** Faces whose labels are wanted. */
export interface Wanted {
  readonly ids: readonly string[];
  /** Bits of the files that each has, by place in `LABELS`. */
  readonly has: Uint8Array;
}

export interface LabelsRead {
  /** Expression, valence, arousal of each; NaN: none. */
  readonly values: Float64Array;
  /** Faces with a file that cannot be used, by place, and why. */
  readonly problems: ReadonlyMap<number, string>;
}

/** A file of one number, with whatever header, is shorter; of a longer one no more is read. */
const piece = Buffer.alloc(1 << 14);

/** Reads labels one after the other. */
export function readLabels(dir: string, { ids, has }: Wanted): LabelsRead {
  const values = new Float64Array(3 * ids.length).fill(Number.NaN);
  const problems = new Map<number, string>();
  for (const [i, id] of ids.entries()) {
    try {
      for (const [k, name] of LABELS.entries())
        if (has[i] & (1 << k))
          values[3 * i + k] = labelOf(join(dir, `${id}_${name}.npy`), `${id}_${name}.npy`, k === 0);
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      problems.set(i, error.message);
    }
  }
  return { values, problems };
}

function labelOf(path: string, name: string, isClass: boolean): number {
  const value = oneOf(contentOf(path, name), name);
  return isClass ? classNumberOf(name, value) : unitOf(name, value);
}

function contentOf(path: string, name: string): Uint8Array {
  try {
    const file = openSync(path, 'r');
    try {
      return piece.subarray(0, readSync(file, piece, 0, piece.length, 0));
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw new RowError(`${name}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function oneOf(bytes: Uint8Array, name: string): unknown {
  try {
    const array = readNpy(bytes, name);
    if (array.length !== 1)
      throw new RowError(`${name}: expected one number, found an array ${array.dtype} [${array.shape}]`);
    return array.toList()[0];
  } catch (error) {
    throw error instanceof InputError ? new RowError(error.message) : error;
  }
}

/** Faces in one message, and how many are read without a thread more. */
const GROUP = 1024;

/**
 * Reads labels in `threads` worker threads; each group goes to `take`, with the place of its first face, in no fixed order.
 * @throws MachineError if a thread dies
 */
export async function readLabelsInThreads(
  dir: string,
  { ids, has }: Wanted,
  threads: number,
  take: (labels: LabelsRead, first: number) => void,
): Promise<void> {
  const groupAt = (i: number): Wanted => ({
    ids: ids.slice(i * GROUP, (i + 1) * GROUP),
    has: has.subarray(i * GROUP, (i + 1) * GROUP),
  });
  if (ids.length <= GROUP) return take(readLabels(dir, { ids, has }), 0);
  const count = Math.ceil(ids.length / GROUP);
  await inThreads('label-worker.js', dir, { threads, count }, groupAt, (labels: LabelsRead, i) =>
    take(labels, i * GROUP),
  );
}
