// npm run goldens -- [DIR ...] [--image_dir DIR] [--variant NAME] [--precision f32|f16] [--seconds N] [--gpu ID]
// Compares this engine with every golden file below DIR (default: test/golden) and prints a line a file, then
// `N passed, N failed`. With f16, ops and modules that store activations so. No file is begun after --seconds; then those that
// were not reached are counted. Exit 1 if any failed, 2 if there was nothing to compare.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import type { Device } from '../src/device';
import { openDevice } from '../src/device/node';
import { forceVariant } from '../src/kernels/variant';
import type { Fixture } from './goldens/fixture';
import { checkRealFaces } from './goldens/real_faces';
import { judgeBytes, line, passed } from './goldens/run';

function filesBelow(dir: string): string[] {
  if (!statSync(dir, { throwIfNoEntry: false })?.isDirectory()) throw new InputError(`${dir}: no such folder`);
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.safetensors'));
  return names.sort().map((f) => join(dir, f));
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        image_dir: { type: 'string' },
        variant: { type: 'string' },
        precision: { type: 'string', default: 'f32' },
        seconds: { type: 'string', default: 'Infinity' },
        gpu: { type: 'string' },
      },
    });
    const { precision, seconds, ...rest } = values;
    if (precision !== 'f32' && precision !== 'f16')
      throw new Error(`--precision expects f32 or f16, found ${precision}`);
    if (!(Number(seconds) > 0)) throw new Error(`--seconds expects a number above 0, found ${seconds}`);
    const dirs = positionals.length > 0 ? positionals : ['test/golden'];
    return { ...rest, precision, seconds: Number(seconds), dirs } as const;
  } catch (error) {
    throw new InputError(
      `${(error as Error).message}\nusage: goldens [DIR ...] [--image_dir DIR] [--variant NAME] [--precision f32|f16] [--seconds N] [--gpu ID]`,
    );
  }
}

async function main(): Promise<number> {
  const { dirs, image_dir, variant, precision, seconds, gpu } = options();
  const end = performance.now() + 1000 * seconds;
  const files = dirs.flatMap((dir) => filesBelow(dir).map((file) => ({ file, name: nameOf(file, dir, dirs.length) })));
  const device = await openDevice({ gpu });
  forceVariant(device, variant ?? null);
  const realFaces = image_dir ? (of: Device, fixture: Fixture) => checkRealFaces(of, fixture, image_dir) : undefined;
  let [good, bad, seen] = [0, 0, 0];
  for (const { file, name } of files) {
    if (performance.now() > end) break;
    seen++;
    const verdict = await judgeBytes(name, readFileSync(file), { device, realFaces, precision });
    if (!verdict) continue;
    console.log(line(verdict));
    if (passed(verdict)) good++;
    else bad++;
  }
  device.destroy();
  if (good + bad === 0 && seen === files.length) throw new InputError(`${dirs.join(', ')}: no golden file found below`);
  const late = files.length - seen;
  console.log(
    `${good} passed, ${bad} failed${late > 0 ? `; ${late} of ${files.length} files not reached in time` : ''}`,
  );
  return bad > 0 ? 1 : 0;
}

/** A file's path below its folder, and that folder's name where there are several. */
function nameOf(file: string, dir: string, folders: number): string {
  const name = relative(dir, file).slice(0, -'.safetensors'.length) || basename(file);
  return folders > 1 ? `${basename(dir)}/${name}` : name;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    console.error(error instanceof InputError ? error.message : error);
    process.exitCode = error instanceof InputError ? 2 : 1;
  },
);
