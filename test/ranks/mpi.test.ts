// Ranks by a real MPI, where one is installed: what they add and gather, and how they end.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Launcher } from '../../bench/mpi/launchers';
import { bundleInto } from '../bundled';
import { under } from '../mpi/runs';
import { STEPS, sumsOf } from './job_parts';

const test = suite('mpi');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-ranks-'));
/** Where packages are found. */
const out = resolve(`build/ranks-${process.pid}`);
test.before(() => bundleInto(out, { job: 'test/ranks/job.ts', 'mpi-worker': 'src/ranks/worker.ts' }));
test.after(() => {
  for (const folder of [dir, out]) rmSync(folder, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly text: string;
  /** What each rank has written. */
  readonly said: (name: string) => (string | null)[];
}

/** Milliseconds that a job may take. */
const MOST = 60_000;
const SIZE = 3;

function job({ name, command, flags, env }: Launcher, how: string): Promise<Ended> {
  const folder = join(dir, `${name} ${how}`);
  mkdirSync(folder);
  const args = [...flags, '-n', String(SIZE), process.execPath, join(out, 'job.js'), how, folder];
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
  const late = setTimeout(() => child.kill('SIGKILL'), MOST);
  const file = (name: string, rank: number): string => join(folder, `${name}.${rank}`);
  const read = (name: string, rank: number): string | null =>
    existsSync(file(name, rank)) ? readFileSync(file(name, rank), 'latin1') : null;
  const said = (name: string) => Array.from({ length: SIZE }, (_, rank) => read(name, rank));
  return new Promise((done) =>
    child.on('close', (code) => {
      clearTimeout(late);
      done({ code, text, said });
    }),
  );
}

under(
  test,
  'sums of three ranks have the bits of additions in rank order; bytes of any lengths are gathered; a signal is still heard',
  async (by) => {
    const { code, text, said } = await job(by, 'exchange');
    assert.is(code, 0, text);
    for (const [rank, place] of said('place').entries()) {
      const { library, ...told } = JSON.parse(place as string);
      assert.equal(told, { rank, size: SIZE, local: { rank, size: SIZE } });
      assert.match(library, by.name);
    }
    for (const [step, sum] of sumsOf(SIZE).entries()) {
      const bits = Buffer.from(sum.buffer).toString('latin1');
      assert.ok(
        said(`sum${step}`).every((own) => own === bits),
        `step ${step} of ${STEPS.length}`,
      );
    }
    const bytes = JSON.stringify([
      [0, 0, 0],
      [3, 2, 2],
      [100_000, 3, 3],
    ]);
    assert.equal(said('bytes'), [bytes, bytes, bytes]);
    assert.equal(said('signal'), ['SIGHUP', 'SIGHUP', 'SIGHUP']);
    assert.equal(said('end'), ['0', '0', '0']);
  },
);

under(test, 'ranks at different calls, and one that fails, end all with its name and its exit code', async (by) => {
  const apart = await job(by, 'apart');
  assert.is(apart.code, 1, apart.text);
  for (const error of apart.said('error'))
    assert.match(error as string, /heard: rank 1 \(.+\): it adds 8 numbers \(2\) where rank 0 gathers$/);
  const failing = await job(by, 'fail');
  assert.is(failing.code, 2, failing.text);
  const heard = /^heard: rank 1 \(.+\): no such file$/;
  assert.match(failing.said('error')[0] as string, heard);
  assert.is(failing.said('error')[1], 'own: no such file');
  // Open MPI kills what has not ended yet once one has, not with 0.
  const same = ({ said }: Ended, code: string) => said('end').every((end) => end === code || end === null);
  assert.ok(same(failing, '2'), failing.text);
  const codes = await job(by, 'codes');
  assert.is(codes.code, 130, codes.text);
  assert.ok(same(codes, '130'), codes.text);
});

under(test, 'a rank that is gone with 0, and one that does nothing, are no good end', async (by) => {
  const quiet = await job(by, 'quiet');
  assert.is.not(quiet.code, 0, quiet.text);
  assert.match(quiet.text, /error: rank 1 \(.+\) has ended before the others, with exit code 0/, quiet.text);
  const late = await job(by, 'late');
  assert.is.not(late.code, 0, late.text);
  assert.match(late.text, /error: rank 1 \(.+\): alive, but nothing came of it for 2 s/);
});
test.run();
