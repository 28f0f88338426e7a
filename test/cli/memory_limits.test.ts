// Memory that a shell limits (ulimit -v): a clear end, never a crash without words; and a batch size that follows from it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { programFile, run } from './program';

const test = suite('memory limits');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-limits-'));
test.after(() => rmSync(dir, { recursive: true }));
const faces = join(dir, 'faces');

/** Trains with so much address space. */
function limited(mib: number, to: string, more = ''): { code: number | null; text: string } {
  const command =
    `ulimit -v ${1024 * mib}; exec ${process.execPath} ${programFile()} train --image_dir ${faces} --data ${faces}/training.csv ` +
    `--val_data ${faces}/validation.csv --emb random --network bregnext --image_size 16 --epochs 1 --cache off --workers 4 ` +
    `--gpu software --saved_model ${to} ${more}`;
  const { status, stdout, stderr } = spawnSync('bash', ['-c', command], { encoding: 'utf8', timeout: 120_000 });
  return { code: status, text: stdout + stderr };
}

/** Only Linux tells of its limits, and only there does `ulimit -v` limit. */
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('too little for a thread, then for a driver: said with the figures, and nothing is left', async () => {
  await run(`synth --out ${faces} --n 42 --validation 14 --size 48`.split(' '));
  const to = join(dir, 'run');
  // Node itself takes some 750 MiB.
  const thread = limited(1400, to);
  assert.is(thread.code, 1, thread.text);
  assert.match(
    thread.text,
    /error: ulimit -v leaves \d+ MiB of address space, a thread that prepares images needs 900 MiB/,
  );
  const driver = limited(2450, to);
  assert.is(driver.code, 2, driver.text);
  assert.match(driver.text, /this adapter grants 0 MiB \(the \d+ MiB that ulimit -v leaves \(of 2450 MiB\), less 448/);
  assert.not(existsSync(to));
});

onLinux('--batch_size auto takes what fits; a run’s args.json has the number', () => {
  const to = join(dir, 'auto');
  const { code, text } = limited(4000, to, '--batch_size auto');
  assert.is(code, 0, text);
  assert.match(text, '--batch_size auto: a step of 42 images takes');
  assert.is(JSON.parse(readFileSync(join(to, 'args.json'), 'utf8')).batch_size, 42);
});

test.run();
