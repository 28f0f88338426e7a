// npm run test:mpi -- --soak: many short runs under the MPI whose library has crashed in Node (see UCX_MEM_EVENTS in src/ranks/open.ts).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programFile } from '../cli/program';
import { job } from './job';
import { under } from './runs';

const test = suite('mpi: soak');

/** Of those some 2 % crashed before that was set. */
const RUNS = process.env.SOAK === '1' ? 200 : 2;

under(
  test,
  `${RUNS} runs of 2 ranks`,
  async (launcher) => {
    const program = programFile('bench/mpi/mpi.ts');
    for (let i = 1; i <= RUNS; i++) {
      const { code, text, left } = await job(launcher, 2, ['--measure', '--bytes', '4000000', '--repeat', '3'], {
        program,
      });
      assert.is(code, 0, `run ${i}: ${text}`);
      assert.match(text, /"bytes":4000000/);
      assert.equal(left, []);
    }
  },
  ['MPICH'],
);

test.run();
