// Who may write a run folder: processes that live, died, were stopped, or run on another machine.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { LOCK, Lock } from '../../src/train/run/lock';
import { bundleInto } from '../bundled';

const test = suite('lock');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-lock-'));
const BUNDLE = resolve(`build/lock-${process.pid}`);
const children: ChildProcess[] = [];

test.before(() => bundleInto(BUNDLE, { lock: 'src/train/run/lock.ts' }));
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true });
  rmSync(BUNDLE, { recursive: true, force: true });
});

let folders = 0;
const folder = (): string => {
  const path = join(dir, `${folders++}`);
  mkdirSync(path);
  return path;
};
const fileOf = (path: string): string => join(path, LOCK);
const lockOf = (path: string): Record<string, unknown> => JSON.parse(readFileSync(fileOf(path), 'utf8'));
const age = (path: string, seconds: number): void => {
  const then = Date.now() / 1000 - seconds;
  utimesSync(fileOf(path), then, then);
};

/** A process that has the module as `Lock`, does this, and stays. Resolved with its first line. */
function other(script: string): Promise<{ child: ChildProcess; line: string }> {
  const text = `import { Lock } from '${BUNDLE}/lock.js'; ${script}; setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  return new Promise((done, fail) => {
    child.stdout?.once('data', (chunk) => done({ child, line: `${chunk}`.trim() }));
    // Behind all that it wrote, which `exit` is not.
    child.once('close', (code) => fail(new Error(`the other process ended with ${code}`)));
  });
}
const owner = (path: string) => other(`Lock.take('${path}'); console.log('taken')`);

const ended = (child: ChildProcess): Promise<void> => new Promise((done) => child.once('close', () => done()));

/** What `take` is refused with. */
function refused(path: string): string {
  try {
    Lock.take(path).release();
  } catch (error) {
    assert.instance(error, InputError);
    return (error as Error).message;
  }
  return assert.unreachable('expected to be refused') as never;
}
const lost = (lock: Lock): string => {
  try {
    lock.check();
  } catch (error) {
    assert.instance(error, MachineError);
    return (error as Error).message;
  }
  return assert.unreachable('expected to be lost') as never;
};

test('one has it at a time, in one process too; given back it is free, and the folder is left as it was', () => {
  const path = folder();
  const lock = Lock.take(path);
  lock.check();
  const { pid, host, since } = lockOf(path);
  assert.is(pid, process.pid);
  assert.match(refused(path), `${path} is being written by process ${pid} on ${host}, since ${since}: wait`);
  lock.release();
  assert.equal(readdirSync(path), []);
  Lock.take(path).release();
});

test('of another process: kept while it lives and while it is stopped, free once it is killed', async () => {
  const path = folder();
  const { child } = await owner(path);
  assert.match(refused(path), new RegExp(`process ${child.pid} on .* or stop it \\(kill ${child.pid}\\)`));
  child.kill('SIGSTOP');
  age(path, 3600);
  assert.match(refused(path), `process ${child.pid}`);
  child.kill('SIGKILL');
  await ended(child);
  const lock = Lock.take(path);
  assert.is(lockOf(path).pid, process.pid);
  lock.release();
  assert.equal(readdirSync(path), [], 'nothing of the taking over is left');
});

test('of a process that exits it is free at once', async () => {
  const path = folder();
  const { child } = await other(`Lock.take('${path}'); console.log('taken'); setTimeout(() => process.exit(3))`);
  await ended(child);
  assert.not(existsSync(fileOf(path)));
});

test('a pid that another process has by now is no owner', () => {
  const path = folder();
  Lock.take(path).release();
  const lock = Lock.take(path);
  const own = lockOf(path);
  if (own.started === null) return lock.release();
  writeFileSync(fileOf(path), JSON.stringify({ ...own, started: `${Number(own.started) - 1}`, id: 'x' }));
  assert.match(lost(lock), /lock\.json was taken over by process/);
  Lock.take(path).release();
  lock.release();
});

test('on another host, in another boot or container: 2 minutes without renewal, by the clock of the file system', () => {
  for (const place of [{ host: 'elsewhere' }, { boot: 'another' }, { pids: 'pid:[1]' }]) {
    const path = folder();
    Lock.take(path).release();
    const own = { ...selfOf(), ...place, pid: 2 ** 31 - 1 };
    writeFileSync(fileOf(path), JSON.stringify(own));
    assert.match(refused(path), /process 2147483647 on .* if it is not running any more, try again in 2 minutes/);
    age(path, 100);
    refused(path);
    age(path, 121);
    const lock = Lock.take(path);
    assert.is(lockOf(path).pid, process.pid);
    lock.release();
    assert.equal(readdirSync(path), []);
  }
});

/** What this process writes. */
function selfOf(): Record<string, unknown> {
  const path = folder();
  const lock = Lock.take(path);
  const own = lockOf(path);
  lock.release();
  return own;
}

test('elsewhere, with a clock that was set back: who renews lives, who does not is dead', async () => {
  const path = folder();
  const foreign = JSON.stringify({ ...selfOf(), host: 'elsewhere' });
  writeFileSync(fileOf(path), foreign);
  age(path, -3600);
  // The owner writes anew within 10 seconds.
  const renewing = spawn(process.execPath, [
    '-e',
    `setTimeout(() => require('fs').writeFileSync('${fileOf(path)}', ${JSON.stringify(foreign)}), 1000)`,
  ]);
  children.push(renewing);
  assert.match(refused(path), 'on elsewhere');
  age(path, -3600);
  Lock.take(path).release();
});

test('an empty or damaged lock is nobody’s; what is no file is refused', () => {
  for (const text of ['', '{', 'null', '[]', '{"pid": 0}', '\0'.repeat(300), 'x'.repeat(100_000)]) {
    const path = folder();
    writeFileSync(fileOf(path), text);
    const lock = Lock.take(path);
    assert.is(lockOf(path).pid, process.pid);
    lock.release();
  }
  const path = folder();
  mkdirSync(fileOf(path));
  assert.match(refused(path), /lock\.json: expected a file or nothing there/);
  rmSync(fileOf(path), { recursive: true });
  symlinkSync('/nowhere', fileOf(path));
  assert.match(refused(path), /lock\.json: expected a file or nothing there/);
  assert.match(refused(join(dir, 'none')), /cannot be written: ENOENT/);
});

test('check: renewed while it is ours; lost where it was removed, written over, or its folder is gone', () => {
  const path = folder();
  const lock = Lock.take(path);
  age(path, 1000);
  lock.check();
  assert.ok(Date.now() - statSync(fileOf(path)).mtimeMs < 60_000);
  const text = readFileSync(fileOf(path));
  writeFileSync(fileOf(path), '{}');
  assert.match(lost(lock), 'lock.json was written over');
  rmSync(fileOf(path));
  assert.match(lost(lock), 'lock.json was removed');
  rmSync(path, { recursive: true });
  assert.match(lost(lock), 'lock.json was removed');
  mkdirSync(path);
  writeFileSync(fileOf(path), text);
  lock.check();
  lock.release();
  assert.equal(readdirSync(path), []);
});

test('what another took over is left to it', () => {
  const path = folder();
  const lock = Lock.take(path);
  const next = JSON.stringify({ ...lockOf(path), id: 'another' });
  writeFileSync(fileOf(path), next);
  lost(lock);
  lock.release();
  assert.is(readFileSync(fileOf(path), 'utf8'), next);
});

test('of processes that find it dead at one moment, one has it', async () => {
  const [ROUNDS, PROCESSES] = [60, 5];
  const dead = JSON.stringify({ ...selfOf(), started: '1', id: 'dead' });
  const places = Array.from({ length: ROUNDS }, folder);
  for (const path of places) writeFileSync(fileOf(path), dead);
  const start = Date.now() + 1500;
  const results = await Promise.all(
    Array.from({ length: PROCESSES }, () =>
      other(`
        process.setMaxListeners(0);
        const won = [];
        for (const [i, path] of ${JSON.stringify(places)}.entries()) {
          while (Date.now() < ${start} + 20 * i);
          try { const lock = Lock.take(path); won.push([i, lock]); } catch {}
        }
        await new Promise((done) => setTimeout(done, 500));
        for (const [, lock] of won) lock.check();
        console.log(JSON.stringify(won.map(([i]) => i)))`),
    ),
  );
  const won = results.flatMap(({ line }) => JSON.parse(line) as number[]).sort((a, b) => a - b);
  assert.equal(won, [...places.keys()]);
  for (const path of places) assert.equal(readdirSync(path), [LOCK]);
});

test.run();
