// npm run fuzz -- --minutes N [--target NAME] [--seed S]
// Throws damaged and made-up files at every reader of strangers' files, or at one, N minutes in all, and closes with `N cases, N found`;
// exit 1 if any was found: a case that is neither read rightly nor refused by an error that names the file, or takes too long or too much.
import { parseArgs } from 'node:util';
import { program } from '../bench/program';
import { InputError } from '../src/base/errors';
import { campaign, prepare } from './fuzz/campaign';
import { TARGETS } from './fuzz/targets';

program(async () => {
  const { values } = parseArgs({
    options: { minutes: { type: 'string' }, target: { type: 'string' }, seed: { type: 'string' } },
  });
  const { target, seed = '1' } = values;
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new InputError(`--minutes expects a number above 0, found ${values.minutes}`);
  if (!(Number.isSafeInteger(Number(seed)) && Number(seed) > 0 && Number(seed) < 2 ** 31))
    throw new InputError(`--seed expects a whole number from 1 to 2147483647, found ${seed}`);
  if (target !== undefined && !Object.hasOwn(TARGETS, target))
    throw new InputError(`--target expects one of ${Object.keys(TARGETS).join(', ')}, found ${target}`);
  const names = target === undefined ? Object.keys(TARGETS) : [target];
  prepare();
  let [cases, found] = [0, 0];
  for (const name of names) {
    const done = await campaign(name, (60 * minutes) / names.length, Number(seed));
    cases += done.cases;
    found += done.found.length;
    console.log(
      `${name.padEnd(20)} ${String(done.cases).padStart(9)} cases ${done.minutes.toFixed(1).padStart(6)} min`,
    );
    if (done.found.length > 0) console.log(`${done.said}\n${name}: found ${done.found.join(', ')}`);
  }
  console.log(`${cases} cases, ${found} found`);
  process.exitCode = found > 0 ? 1 : 0;
});
