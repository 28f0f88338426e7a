// Every way for ranks to end: not with 0, with a line that says why, within 15 s, and nobody is left; the run is saved, and goes on in one process to the
// bits of one that was left alone.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Launcher } from '../../bench/mpi/launchers';
import { programFile } from '../cli/program';
import type { Fault } from './faulty';
import { type Job, type JobOptions, job } from './job';
import { Runs, under, WHOLE } from './runs';

const test = suite('mpi: endings');
const EPOCHS = 3;
const runs = new Runs(15, `--model multi_task --network denselite --image_size 32 --batch_size 2 --epochs ${EPOCHS}`);
test.before(() => runs.draw());
test.after(() => runs.remove());

/** Seconds within which all have ended. */
const WITHIN = 15;

const LEARNING = /epoch 1\/3: loss/;

interface Ending extends JobOptions {
  readonly name: string;
  /** What stands in the text. */
  readonly says: RegExp;
  /** Default: any but 0. */
  readonly code?: number;
  /** Arguments of each rank besides, in place of the same for both. */
  readonly each?: () => readonly string[];
  readonly more?: string;
  /** Default: the run is there then. */
  readonly saved?: boolean;
  readonly mpi?: readonly Launcher['name'][];
}

let names = 0;

function ending({ name, says, code, each, more, saved = true, mpi, ...options }: Ending): void {
  const one = async (launcher: Launcher, id: string): Promise<void> => {
    const to = `${id}-${names++}`;
    const ranks = each?.().map((text) => text.split(' ').filter((word) => word !== '')) ?? 2;
    const found = await job(launcher, ranks, runs.train(to, more), options);
    if (code === undefined) assert.is.not(found.code, 0, found.text);
    else assert.is(found.code, code, found.text);
    assert.match(found.text, says);
    assert.ok(found.after < WITHIN, `${found.after} s\n${found.text}`);
    assert.equal(found.left, [], found.text);
    if (!saved) return;
    await runs.resume(to);
    runs.same(await runs.byOne('--grad_accum_steps 2'), to);
  };
  under(test, name, one, mpi);
}

const fault = (rank: number, at: Fault['at'], what: Fault['what']): { fault: Fault } => ({ fault: { rank, at, what } });

/** The launchers' own words, where nobody else can have any. */
const KILLED = /rank \d .*exited on signal 9|EXIT CODE: 9/;

/** Ctrl-C goes to all in front, SIGTERM to the launcher. */
const interrupt = ({ launcher }: Job): boolean => process.kill(-(launcher.pid as number), 'SIGINT');
const terminate = ({ launcher }: Job): boolean => launcher.kill('SIGTERM');
const saying = { says: /saved; go on with: npx emotion-gcn train --resume/, when: LEARNING };
/** Open MPI sends SIGTERM so many seconds after it is told to end, and SIGKILL as many after that: the training must still run then. */
const late = { flags: ['--mca', 'odls_base_sigkill_timeout', '3'], ...fault(1, 'step', 'slow') };

ending({ name: 'SIGKILL between steps', ...fault(1, 'step', 'kill'), says: KILLED });
ending({ name: 'SIGTERM to the launcher', ...saying, act: terminate, code: 143, mpi: ['MPICH'] });
if (WHOLE) {
  ending({ name: 'SIGTERM to the launcher', ...saying, ...late, act: terminate, mpi: ['Open MPI'] });
  ending({ name: 'SIGKILL in validation', ...fault(1, 'validation', 'kill'), says: KILLED });
  ending({ name: 'SIGKILL while rank 0 writes', ...fault(0, 'writing', 'kill'), says: KILLED });
  ending({ name: 'SIGKILL in preparation', ...fault(1, 'preparation', 'kill'), says: KILLED, saved: false });
  ending({ name: 'SIGKILL before MPI', ...fault(1, 'start', 'kill'), says: KILLED, saved: false });
  ending({ name: 'SIGSTOP', ...fault(1, 'step', 'stop'), says: /error: rank 1 \(.+\).*stopped/, code: 1 });
  ending({ name: 'exit 0 in a step', ...fault(1, 'step', 'exit 0'), says: /error: rank 1 \(.+\).*exit code 0/ });
  ending({ name: 'exit 3 in a step', ...fault(1, 'step', 'exit 3'), says: /error: rank 1 \(.+\).*exit code 3/ });
  const words = { says: /error: rank 1 \(.+\): a fault of this rank/, code: 1 };
  ending({ name: 'an uncaught error', ...fault(1, 'step', 'uncaught'), ...words });
  ending({ name: 'an error', ...fault(1, 'validation', 'throw'), ...words });
  ending({
    name: 'a loss that is NaN',
    ...fault(1, 'step', 'nan'),
    says: /error: the loss is NaN in epoch 2, step 4/,
    code: 1,
  });
  ending({
    name: 'exit 3 before MPI',
    ...fault(1, 'start', 'exit 3'),
    says: /rank 1|EXIT CODE: 3|Exit code:\s+3/,
    saved: false,
  });
  ending({ name: 'Ctrl-C', ...saying, act: interrupt, code: 130, mpi: ['MPICH'] });
  ending({ name: 'Ctrl-C', ...saying, ...late, act: interrupt, mpi: ['Open MPI'] });
  ending({
    name: 'SIGKILL of the launcher',
    says: LEARNING,
    when: LEARNING,
    act: ({ launcher }) => launcher.kill('SIGKILL'),
  });

  const refused = { saved: false, code: 2, when: /^/ };
  ending({ name: 'wrong usage', more: '--epochs many', says: /^error: .*epochs/m, ...refused });
  ending({
    name: 'wrong usage of one',
    each: () => ['', '--epochs many'],
    says: /^error: rank 1 \(.+\): .*epochs/m,
    ...refused,
  });
  ending({
    name: 'other arguments',
    each: () => ['', '--lr 0.5'],
    says: /^error: .*rank 1 differs: --lr is 0.5/m,
    ...refused,
  });
  ending({
    name: 'other data',
    each: () => {
      const [head, ...rows] = readFileSync(join(runs.dir, 'faces', 'training.csv'), 'utf8')
        .trim()
        .split('\n');
      writeFileSync(join(runs.dir, 'other.csv'), `${[head, ...rows.reverse()].join('\n')}\n`);
      return ['', `--data ${runs.dir}/other.csv`];
    },
    says: /^error: .*rank 1 differs: (--data|the content of)/m,
    ...refused,
  });
  ending({
    name: 'batches that ranks cannot share',
    more: '--grad_accum_steps 3',
    says: /^error: --grad_accum_steps 3: expected a multiple of the 2 ranks/m,
    ...refused,
  });

  const { code: _, ...unusable } = refused;
  ending({
    name: 'no library',
    env: { EMOTION_GCN_MPI: '/nowhere/libmpi.so' },
    says: /^error: started by .*\(rank 0 of 2\)(.|\n)*\/nowhere\/libmpi.so(.|\n)*apt-get install/m,
    ...unusable,
  });
  for (const [mpi, library] of [
    ['Open MPI', 'libmpich.so.12'],
    ['MPICH', 'libmpi.so.40'],
  ] as const)
    ending({
      name: `a library of the other kind (${library})`,
      env: { EMOTION_GCN_MPI: library },
      says: /^error: .*the launcher and the library are not of one kind/m,
      mpi: [mpi],
      ...unusable,
    });
  under(test, 'no koffi', async (launcher, id) => {
    const file = withoutKoffi(`${id}-program`);
    const found = await job(launcher, 2, runs.train('nokoffi'), { program: file, when: /^/ });
    assert.is(found.code, 1, found.text);
    assert.match(found.text, /error: started by .*koffi(.|\n)*npm install koffi/);
    assert.ok(found.after < WITHIN, `${found.after} s`);
  });
}

/** The program where all its packages are but that. */
function withoutKoffi(name: string): string {
  const dir = runs.path(name);
  const packages = join(dir, 'node_modules');
  mkdirSync(packages, { recursive: true });
  for (const found of readdirSync('node_modules'))
    if (!/koffi|koromix/.test(found)) symlinkSync(resolve('node_modules', found), join(packages, found));
  const from = dirname(programFile());
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(dir, file));
  return join(dir, 'cli.js');
}

test.run();
