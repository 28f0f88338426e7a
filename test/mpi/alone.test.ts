// Nothing of MPI is loaded where no launcher has started the program.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../cli/program';
import { given } from '../given';
import { job } from './job';
import { Runs, under } from './runs';

const test = suite('mpi: alone');
const runs = new Runs(
  15,
  '--model single_task --network denselite --image_size 32 --batch_size 8 --epochs 1 --dry_run',
);
test.before(() => runs.draw());
test.after(() => runs.remove());

/** The libraries of a process at its end, into the file that MAPS names. */
const TELL = `import { readFileSync, writeFileSync } from 'node:fs';
  import { isMainThread } from 'node:worker_threads';
  if (isMainThread) process.on('exit', () => writeFileSync(process.env.MAPS + '.' + (process.env.PMI_RANK ?? process.env.OMPI_COMM_WORLD_RANK ?? 0), readFileSync('/proc/self/maps')));`;
const MPI = /koffi|libmpi|libmpich|libucp|libopen-pal/;

const told = (name: string): Record<string, string> => ({
  NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(TELL)}`,
  MAPS: runs.path(name),
});
const loaded = (name: string): string[] =>
  [...readFileSync(`${runs.path(name)}.0`, 'latin1').matchAll(/\/\S+/g)].map(([path]) => path);

given(
  test,
  process.platform === 'linux',
  'Linux',
)('a training alone loads neither koffi nor a library of MPI', async () => {
  const { code, err } = await run(runs.train('alone'), { env: told('maps') });
  assert.is(code, 0, err);
  assert.ok(loaded('maps').some((path) => /libc\.so/.test(path)));
  assert.equal(
    loaded('maps').filter((path) => MPI.test(path)),
    [],
  );
});

under(test, 'one of several has loaded koffi', async (launcher, id) => {
  const { code, text } = await job(launcher, 2, runs.train(id, '--grad_accum_steps 2'), { env: told(id) });
  assert.is(code, 0, text);
  // MPI's library goes with the thread that had it.
  assert.ok(loaded(id).some((path) => /koffi/.test(path)));
});

test.run();
