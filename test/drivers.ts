// npm run test:drivers -- [--only DRIVER[/PART] ...] [--seconds N]
// Goldens of ops and modules in every variant of the matrix kernels, and the kernel tests, under the CPU drivers that there are: lavapipe
// with subgroups of 4, 8 and 16, and SwiftShader. A line a part, then what failed in it; what a driver cannot do is said with its reason.
// No part is begun after --seconds; what was not reached is named, so that a later call can go on. Closes with
// `N parts passed, N failed, N not possible`, exit 1 if any failed.
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import { campaign, PARTS } from './drivers/campaign';
import { DRIVERS } from './drivers/drivers';
import { goldens, look } from './drivers/inside';

const USAGE = 'npm run test:drivers -- [--only DRIVER[/PART] ...] [--seconds N]';

function options() {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, seconds: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 'Infinity');
  if (!(seconds > 0)) throw new Error(`--seconds expects a number above 0, found ${values.seconds}`);
  const all = DRIVERS.flatMap(({ name }) => PARTS.map((part) => `${name}/${part}`));
  const only = values.only ?? DRIVERS.map(({ name }) => name);
  const unknown = only.find((asked) => !all.some((part) => part === asked || part.startsWith(`${asked}/`)));
  if (unknown) throw new Error(`--only expects one of ${all.join(', ')}, or a driver's name; found ${unknown}`);
  return { parts: all.filter((part) => only.some((asked) => part === asked || part.startsWith(`${asked}/`))), seconds };
}

async function main(): Promise<number> {
  // A process of its own for each driver, which finds it by its environment.
  const [role, variant] = process.argv.slice(2);
  if (role === 'look') return look();
  if (role === 'goldens') return goldens(variant);
  let asked: ReturnType<typeof options>;
  try {
    asked = options();
  } catch (error) {
    throw new InputError(`${(error as Error).message}\nusage: ${USAGE}`);
  }
  return campaign(asked.parts, asked.seconds, (line) => console.log(line));
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
