// lr_find.csv and its picture.
import { join } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt, makeFolders, writeWhole } from '../../data/files';
import type { RateRange } from '../measures/rate_range';
import { checkNotOfRun } from '../run/files';

const FILES = ['lr_find.csv', 'lr_find.svg', 'lr_find.png'] as const;

/**
 * Makes the folder, before any work is done for it.
 * @throws InputError if it cannot be made, or one of its files is a run's
 */
export function makeRangeFolder(dir: string): void {
  for (const name of FILES) checkNotOfRun(join(dir, name));
  try {
    makeFolders(dir);
  } catch (error) {
    const found = lookAt(dir);
    const what = found === 'nothing' ? (error as Error).message : `expected a folder, found ${found}`;
    throw new InputError(`--out ${dir}: cannot be made: ${what}`);
  }
}

/**
 * Writes lr_find.csv (a row a step: step, lr, loss, smoothed) and lr_find.svg and .png below a folder.
 * @returns the files
 * @throws InputError if they cannot be written, MachineError if the disk is full
 */
export async function writeRateRange(dir: string, range: RateRange): Promise<string[]> {
  const { drawRateRange } = await import('./charts/rate_range');
  const rows = range.steps.map(({ lr, loss, smoothed }, i) => [i + 1, lr, loss, smoothed].join());
  const { svg, png } = await drawRateRange(range);
  const contents = [`${['step,lr,loss,smoothed', ...rows].join('\n')}\n`, svg, png];
  const files = FILES.map((name) => join(dir, name));
  for (const [i, file] of files.entries()) await writeWhole(file, contents[i]);
  return files;
}
