// npm run test:drivers -- [--only DRIVER[/PART] ...] [--seconds N]
// Goldens of ops and modules in every variant of the matrix kernels, and the kernel tests, under the CPU drivers that there are: lavapipe
// with subgroups of 4, 8 and 16, and SwiftShader. A line a part, then what failed in it; what a driver cannot do is said with its reason.
// No part is begun after --seconds; what was not reached is named, so that a later call can go on. Closes with
// `N parts passed, N failed, N not possible`, exit 1 if any failed.
import { parseArgs } from 'node:util';
import { program } from '../bench/program';
import { InputError } from '../src/base/errors';
import { campaign, PARTS } from './drivers/campaign';
import { DRIVERS } from './drivers/drivers';
import { goldens, look } from './drivers/inside';

function options() {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true }, seconds: { type: 'string' } } });
  const seconds = Number(values.seconds ?? 'Infinity');
  if (!(seconds > 0)) throw new InputError(`--seconds expects a number above 0, found ${values.seconds}`);
  const all = DRIVERS.flatMap(({ name }) => PARTS.map((part) => `${name}/${part}`));
  const only = values.only ?? DRIVERS.map(({ name }) => name);
  const unknown = only.find((asked) => !all.some((part) => part === asked || part.startsWith(`${asked}/`)));
  if (unknown) throw new InputError(`--only expects one of ${all.join(', ')}, or a driver's name; found ${unknown}`);
  return { parts: all.filter((part) => only.some((asked) => part === asked || part.startsWith(`${asked}/`))), seconds };
}

program(async () => {
  // A process of its own for each driver, which finds it by its environment.
  const [role, variant] = process.argv.slice(2);
  if (role === 'look') process.exitCode = await look();
  else if (role === 'goldens') process.exitCode = await goldens(variant);
  else {
    const { parts, seconds } = options();
    process.exitCode = await campaign(parts, seconds, (line) => console.log(line));
  }
});
