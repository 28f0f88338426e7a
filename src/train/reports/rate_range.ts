// lr_find.csv and its picture.
import { join } from 'node:path';
import { writeWhole } from '../../data/files';
import type { RateRange } from '../measures/rate_range';
import { makeOutFolder } from './out_folder';

const FILES = ['lr_find.csv', 'lr_find.svg', 'lr_find.png'] as const;

/** See `makeOutFolder`. */
export const makeRangeFolder = (dir: string): void => makeOutFolder(dir, FILES);

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
