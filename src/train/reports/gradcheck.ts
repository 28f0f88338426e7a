// gradcheck.json and its picture.
import { join } from 'node:path';
import { writeWhole } from '../../data/files';
import type { GradientCheck } from '../measures/network_gradients';
import type { Run } from '../run/read_run';
import { RunFolder } from '../run/run_folder';
import { toJson } from '../run/write';
import { makeOutFolder } from './out_folder';

const FILES = ['gradcheck.json', 'gradcheck.svg', 'gradcheck.png'] as const;

/** See `makeOutFolder`. */
export const makeGradcheckFolder = (dir: string): void => makeOutFolder(dir, FILES);

/**
 * Writes gradcheck.json, .svg and .png into a folder, or the run's own.
 * @returns the files
 * @throws InputError if they cannot be written, MachineError if the disk is full
 */
export async function writeGradcheck(run: Run, dir: string | null, check: GradientCheck): Promise<string[]> {
  const { drawGradients } = await import('./charts/gradients');
  const { svg, png } = await drawGradients(check);
  const contents = [toJson(check), svg, png];
  const folder = RunFolder.open(run);
  for (const [i, name] of FILES.entries())
    if (dir === null) await folder.write(name, contents[i]);
    else await writeWhole(join(dir, name), contents[i]);
  return FILES.map((name) => join(dir ?? run.dir, name));
}
