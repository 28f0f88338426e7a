// What signals and closed terminals do to a training: the program as a process of its own, real signals.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/formats/safetensors';
import { progressOf } from '../../src/train/run/checkpoint';
import { readRun } from '../../src/train/run/read_run';
import { bundleInto } from '../bundled';
import { programFile, run } from './program';

const test = suite('signals');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-signals-'));
const children: ChildProcess[] = [];
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
});

const faces = join(dir, 'faces');
const EPOCHS = 3;
const train = (to: string, ...more: string[]): string[] =>
  [
    `train --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --emb random`,
    `--network bregnext --image_size 16 --batch_size 8 --epochs ${EPOCHS} --cache off --workers 1 --saved_model ${to}`,
    ...more,
  ].flatMap((text) => text.split(' '));

/** Stands in the output once steps are under way. */
const LEARNING = /epoch 1\/3: loss/;

/** Milliseconds that a command may take. */
const MOST = 120_000;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly text: string;
}

/** What is done once this stands in the output of a command. */
type When = readonly [RegExp, (child: ChildProcess) => void];

/** Starts a command, and does what is to be done as it goes on, in this order. */
function start(command: string, args: readonly string[], ...then: readonly When[]): Promise<Ended> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let text = '';
  const left = [...then];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
      while (left[0]?.[0].test(text)) left.shift()![1](child);
    });
  const late = setTimeout(() => child.kill('SIGKILL'), MOST);
  return new Promise((done) =>
    child.on('close', (code, signal) => {
      clearTimeout(late);
      done({ code, signal, text });
    }),
  );
}
const program = (args: readonly string[], ...then: readonly When[]): Promise<Ended> =>
  start(process.execPath, [programFile(), ...args], ...then);

const bits = (to: string): unknown => {
  const { tensors } = readSafetensors(readFileSync(join(to, 'weights', 'last.safetensors')));
  return [...tensors].map(([name, { data }]) => [name, data]);
};

const whole = join(dir, 'whole');

test('SIGTERM saves the run and ends it with 143; resumed, it ends with the bits of one that was never stopped', async () => {
  await run(`synth --out ${faces} --n 28 --validation 7 --size 48`.split(' '));
  assert.is((await run(train(whole))).code, 0);
  const to = join(dir, 'terminated');
  const { code, text } = await program(
    train(to),
    [LEARNING, (child) => child.kill('SIGTERM')],
    // Right behind it another, as npx sends on what the terminal has sent already: the same, and no haste.
    [/stopping after this step/, (child) => child.kill('SIGINT')],
  );
  assert.is(code, 143, text);
  assert.match(text, /saved; go on with: npx emotion-gcn train --resume/);
  assert.not.match(text, `epoch ${EPOCHS}/${EPOCHS}: loss`);
  assert.is((await run(`train --resume --saved_model ${to}`.split(' '))).code, 0);
  assert.equal(bits(to), bits(whole));
});

test('--max_hours saves the run and ends it with 0; resumed, it has as many again, and ends with the same bits', async () => {
  const to = join(dir, 'hours');
  const ended = await run(train(to, '--max_hours 1e-9'));
  assert.is(ended.code, 0, ended.err);
  assert.match(
    ended.err,
    /stopped in epoch 1 after step 0\n--max_hours 1e-9 are over\nsaved; go on with: npx emotion-gcn train --resume/,
  );
  assert.not(existsSync(join(to, 'results.csv')));
  const again = await run(`train --resume --saved_model ${to}`.split(' '));
  assert.match(again.err, /after step 0\n--max_hours 1e-9 are over/);
  assert.is((await run(`train --resume --saved_model ${to} --max_hours 24`.split(' '))).code, 0);
  assert.equal(bits(to), bits(whole));
});

test('SIGTERM before anything was learnt: 143, and nothing of the run is left', async () => {
  const to = join(dir, 'early');
  const { code, text } = await program(train(to), [/adapter:/, (child) => child.kill('SIGTERM')]);
  assert.is(code, 143, text);
  assert.not(existsSync(to), text);
});

test('nohup, no terminal: a run saves and goes on after SIGHUP, and as if nothing was after SIGSTOP and SIGCONT', async () => {
  const to = join(dir, 'nohup');
  /** Whether a checkpoint within an epoch was there: by itself it saves at their ends alone. */
  let within = false;
  const line = [process.execPath, programFile(), ...train(to)];
  const remind = (child: ChildProcess): void => {
    const again = setInterval(() => {
      try {
        const last = join(to, 'weights', 'last.safetensors');
        within ||= progressOf(readSafetensors(readFileSync(last)).metadata, last).step > 0;
      } catch {
        // Not there yet, or making room for the next.
      }
      child.kill('SIGHUP');
    }, 50);
    // Node drops its handlers a moment before it is gone.
    child.stdout?.on('data', (chunk) => `${chunk}`.includes(`epoch ${EPOCHS}/`) && clearInterval(again));
    setTimeout(() => child.kill('SIGSTOP'), 1200);
    setTimeout(() => child.kill('SIGCONT'), 2200);
    child.on('close', () => clearInterval(again));
  };
  const { code, text } = await start('nohup', line, [/training and/, remind]);
  assert.is(code, 0, text);
  assert.ok(within, 'saved within an epoch');
  assert.equal(bits(to), bits(whole));
});

test('a second signal ends at once, with its own code; one right behind the first is the same, however late it is heard', async () => {
  bundleInto(dir, { interrupt: 'src/cli/interrupt.ts' });
  const endless = `import { stoppable } from '${dir}/interrupt.js';
    const working = () => new Promise((done) => { console.log('working'); setTimeout(done, 1e6); });
    const busy = () => {
      console.log('stopping');
      process.kill(process.pid, 'SIGINT');
      const end = performance.now() + 1000;
      while (performance.now() < end);
      setTimeout(() => console.log('still working'), 1000);
    };
    await stoppable(working, busy);`;
  const { code, text } = await start(
    process.execPath,
    ['--input-type=module', '-e', endless],
    [/^working/, (child) => child.kill('SIGINT')],
    [/still working/, (child) => child.kill('SIGTERM')],
  );
  assert.is(code, 143);
  assert.is(text, 'working\nstopping\nstill working\n');
});

// A container may have the program and no terminals.
const hasTerminals = spawnSync('script', ['-qefc', 'true', '/dev/null'], { stdio: 'ignore' }).status === 0;

/** Runs the program on a terminal of its own, which is closed once `when` stands there. @returns the exit code, of which a file tells */
async function onTerminal(name: string, args: readonly string[], wrap: string): Promise<string> {
  const file = join(dir, `${name}.code`);
  // The outer shell leads the session, and ends with the terminal: all in front are told then. The inner one outlives it, to tell us.
  const line = `(trap '' HUP; ${wrap} ${process.execPath} ${programFile()} ${args.join(' ')}; echo $? > ${file}); true`;
  await start('script', ['-qefc', line, '/dev/null'], [LEARNING, (child) => child.kill('SIGKILL')]);
  for (let i = 0; !existsSync(file) || readFileSync(file, 'utf8') === ''; i++) {
    if (i === 600) return 'still running';
    await new Promise((done) => setTimeout(done, 100));
  }
  return readFileSync(file, 'utf8').trim();
}

(hasTerminals ? test : test.skip)('a closed terminal ends a run as Ctrl-C does, with 129', async () => {
  const to = join(dir, 'closed');
  assert.is(await onTerminal('closed', train(to), ''), '129');
  assert.match(readFileSync(join(to, 'run.log'), 'utf8'), /stopped in epoch \d after step/);
});

(hasTerminals ? test : test.skip)('a run that has left its terminal (setsid) goes on when that is closed', async () => {
  const to = join(dir, 'left');
  assert.is(await onTerminal('left', train(to), 'setsid --wait'), '0');
  assert.is(readRun(to).rows.length, EPOCHS);
  assert.equal(bits(to), bits(whole));
});

test.run();
