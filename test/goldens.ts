// npm run goldens -- [DIR] [--image_dir DIR] [--variant NAME] [--gpu ID]
// Compares this engine with every golden file below DIR (default: test/golden) and prints a line a file, then
// `N passed, N failed`. Exit 1 if any failed, 2 if there was nothing to compare.
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
      options: { image_dir: { type: 'string' }, variant: { type: 'string' }, gpu: { type: 'string' } },
    });
    if (positionals.length > 1) throw new Error(`expected one folder, found ${positionals.join(' ')}`);
    return { ...values, dir: positionals[0] ?? 'test/golden' };
  } catch (error) {
    throw new InputError(
      `${(error as Error).message}\nusage: goldens [DIR] [--image_dir DIR] [--variant NAME] [--gpu ID]`,
    );
  }
}

async function main(): Promise<number> {
  const { dir, image_dir, variant, gpu } = options();
  const files = filesBelow(dir);
  const device = await openDevice({ gpu });
  forceVariant(device, variant ?? null);
  const realFaces = image_dir ? (of: Device, fixture: Fixture) => checkRealFaces(of, fixture, image_dir) : undefined;
  let good = 0;
  let bad = 0;
  for (const file of files) {
    const name = relative(dir, file).slice(0, -'.safetensors'.length) || basename(file);
    const verdict = await judgeBytes(name, readFileSync(file), { device, realFaces });
    if (!verdict) continue;
    console.log(line(verdict));
    if (passed(verdict)) good++;
    else bad++;
  }
  device.destroy();
  if (good + bad === 0) throw new InputError(`${dir}: no golden file found below it`);
  console.log(`${good} passed, ${bad} failed`);
  return bad > 0 ? 1 : 0;
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
