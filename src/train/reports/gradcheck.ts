// gradcheck.json and its picture.
import { join } from 'node:path';
import { makeFolders, writeWhole } from '../../data/files';
import type { GradientCheck } from '../measures/network_gradients';
import { checkNotOfRun } from '../run/files';
import type { Run } from '../run/read_run';
import { RunFolder } from '../run/run_folder';
import { toJson } from '../run/write';

const FILES = ['gradcheck.json', 'gradcheck.svg', 'gradcheck.png'] as const;

/** @throws InputError if a folder's files would be those of a run */
export function checkGradcheckFolder(dir: string): void {
  for (const name of FILES) checkNotOfRun(join(dir, name));
}

/**
 * Writes gradcheck.json, .svg and .png into a folder, or the run's own.
 * @returns the files
 * @throws InputError if they cannot be written, MachineError if the disk is full
 */
export async function writeGradcheck(run: Run, dir: string | null, check: GradientCheck): Promise<string[]> {
  const { drawGradients } = await import('./charts/gradients');
  const { svg, png } = await drawGradients(check);
  const contents = [toJson(check), svg, png];
  if (dir !== null) makeFolders(dir);
  const folder = RunFolder.open(run);
  for (const [i, name] of FILES.entries())
    if (dir === null) await folder.write(name, contents[i]);
    else await writeWhole(join(dir, name), contents[i]);
  return FILES.map((name) => join(dir ?? run.dir, name));
}
