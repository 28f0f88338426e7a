// npm run test:mutants -- --n N --seed S [--file PART] [--seconds N]
// Breaks N places of kernels, gradients, readers, checkpoints and ranks in a copy of the repository, one at a time, and runs the tests
// that cover the file, nearest first, up to the first that fails or until --seconds (75) have gone by. A line each, with what was changed unless
// it was killed, then a table. --file: of files alone whose path has PART in it. Closes with `N mutants, N killed, N timed out, N survived`.
import { parseArgs } from 'node:util';
import { randomStream, randomUniform } from '../src/base/random';
import { campaign } from './mutants/campaign';

const USAGE = 'npm run test:mutants -- --n N --seed S [--file PART] [--seconds N]';

function options() {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { n: text, seed: text, file: text, seconds: text } });
  const whole = (name: 'n' | 'seed' | 'seconds', preset: number): number => {
    const value = Number(values[name] ?? preset);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new Error(`--${name} expects a whole number, found ${values[name]}`);
    return value;
  };
  return { n: whole('n', 100), seed: whole('seed', 0), seconds: whole('seconds', 75), within: values.file ?? '' };
}

let asked: ReturnType<typeof options>;
try {
  asked = options();
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}
// What goes on in the copy ends with this.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const stream = randomStream('mutants', asked.seed);
let drawn = 0;
const random = (): number => randomUniform(stream, drawn++);
await campaign({ ...asked, random, say: (line) => console.log(line) }).catch((error: Error) => {
  console.error(error.message);
  process.exit(1);
});
