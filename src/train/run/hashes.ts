// hashes.csv: hashes of a run's state, by which two runs can be compared without their weights.
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt } from '../../data/files';
import { readText } from './read_run';

const COLUMNS = ['epoch', 'step', 'hash'] as const;

/** The state after `step` batches of the whole run, the last of them in epoch `epoch`, from 1; at the start epochs that are done. */
export interface HashRow {
  readonly epoch: number;
  readonly step: number;
  /** 16 hexadecimal digits: see `StateHash`. */
  readonly hash: string;
}

/** The text of hashes.csv. */
export const formatHashes = (rows: readonly HashRow[]): string =>
  `${[COLUMNS.join(','), ...rows.map(({ epoch, step, hash }) => [epoch, step, hash].join(','))].join('\n')}\n`;

/**
 * The rows of hashes.csv, steps ascending.
 * @throws InputError naming file and line
 */
export function parseHashes(text: string, file: string): HashRow[] {
  const [header, ...lines] = text.trimEnd().split(/\r?\n/);
  if (header !== COLUMNS.join(','))
    throw new InputError(
      `${file}: line 1: expected ${COLUMNS.join(',')}, found ${JSON.stringify(header.slice(0, 200))}`,
    );
  let before = -1;
  return lines.map((line, i) => {
    const [, epoch, step, hash] = /^(\d{1,9}),(\d{1,15}),([0-9a-f]{16})$/.exec(line) ?? [];
    if (hash === undefined || Number(step) <= before)
      throw new InputError(
        `${file}: line ${i + 2}: expected an epoch, a step above ${before} and 16 hexadecimal digits, ` +
          `found ${JSON.stringify(line.slice(0, 200))}`,
      );
    before = Number(step);
    return { epoch: Number(epoch), step: before, hash };
  });
}

/** Most bytes of hashes.csv: a row for every 50 of 20 million steps. */
const MOST = 2 ** 24;

/**
 * The rows of a run's hashes.csv: none where it has none.
 * @throws InputError as `parseHashes`, or if it is no file, or too large
 */
export function readHashes(dir: string): HashRow[] {
  const file = join(dir, 'hashes.csv');
  return lookAt(file) === 'nothing' ? [] : parseHashes(readText(file, MOST), file);
}
