// What keeps ranks from joining, as the processes beside this one tell: a launcher, played by the test, starts one that asks and others that sleep.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleInto } from '../bundled';
import { given } from '../given';

const test = suite('siblings');
const out = resolve(`build/siblings-${process.pid}`);
const children: ChildProcess[] = [];

test.before(() => bundleInto(out, { siblings: 'src/ranks/siblings.ts' }));
test.after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(out, { recursive: true, force: true });
});

/** A process that sleeps, under this one, with `variable` for its rank. */
function rank(variable: string, n: number): ChildProcess {
  const child = spawn('sleep', ['600'], { env: { ...process.env, [variable]: String(n) } });
  children.push(child);
  return child;
}

/** What rank 0 of so many finds missing. */
function missing(local: number, variable: string): string[] {
  const text = `import { missingRanks } from '${out}/siblings.js'; console.log(JSON.stringify(missingRanks(${local})))`;
  const env = { ...process.env, [variable]: '0' };
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', text], { env, encoding: 'utf8' }),
  ) as string[];
}

const inState = async (child: ChildProcess, state: string): Promise<void> => {
  const pattern = new RegExp(`^\\d+ \\(sleep\\) ${state} `);
  while (!pattern.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1'))) await new Promise((r) => setTimeout(r, 10));
};

for (const variable of ['OMPI_COMM_WORLD_RANK', 'PMI_RANK', 'PMIX_RANK'])
  given(
    test,
    process.platform === 'linux',
    'the processes of Linux',
  )(
    `${variable}: who sleeps is there, who was never started or is dead is said to be, who is stopped too`,
    async () => {
      const [one, two, three] = [1, 2, 3].map((n) => rank(variable, n));
      for (const child of [one, two, three]) await inState(child, 'S');
      assert.equal(missing(4, variable), []);
      // What one of them has started bears its rank, too, and is another job's.
      const shell = spawn('sh', ['-c', `${variable}=4 sleep 600 & echo $!; wait`], { env: { PATH: process.env.PATH } });
      children.push(shell);
      const [line] = (await once(shell.stdout, 'data')) as [Buffer];
      const started = Number(`${line}`);
      while (!readFileSync(`/proc/${started}/environ`, 'latin1').includes(`${variable}=4`))
        await new Promise((r) => setTimeout(r, 10));
      const found = missing(5, variable);
      process.kill(started);
      assert.equal(found, ['rank 4 is dead']);
      two.kill('SIGSTOP');
      await inState(two, 'T');
      const gone = new Promise((done) => three.once('exit', done));
      three.kill('SIGKILL');
      await gone;
      assert.equal(missing(4, variable), ['rank 2 is stopped', 'rank 3 is dead']);
      for (const child of [one, two]) child.kill('SIGKILL');
    },
  );

test.run();
