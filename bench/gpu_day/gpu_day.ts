// npm run gpu:day [-- --minutes 8] [--gpu ID] [--from PART] [--out FOLDER]
// What there is to find out on a GPU, most valuable first, in so many minutes and never more: docs/gpu-day.md. Exit 1 if a part failed.
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../../src/base/errors';
import { program } from '../program';
import { runDay } from './day';
import { PARTS } from './parts';
import { isProgram, runProgram } from './programs';

const OUT = 'runs/gpu-day';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '8' },
      gpu: { type: 'string' },
      from: { type: 'string' },
      out: { type: 'string', default: OUT },
    },
  });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new InputError(`--minutes: expected a number above 0, found ${values.minutes}`);
  const failed = await runDay(PARTS, { ...values, minutes, out: resolve(values.out) });
  if (failed) process.exitCode = 1;
}

const [first, name, ...rest] = process.argv.slice(2);
if (first === '--program' && isProgram(name)) await runProgram(name, rest);
else program(main);
