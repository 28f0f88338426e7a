// The harness of kills is tried with programs that only play a training, two of which do what a training must not.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import { LAST } from '../../src/train/run/files';
import { type CrashResult, crash } from './crash';

const RUN = 'test/golden/older_runs/single_task';

/** What a training must not do: leave its checkpoint cut off until it ends, or other predictions where it goes on. */
interface Fault {
  readonly torn?: true;
  readonly other?: true;
}

/** Writes the files of a run that is there already. */
const played = (run: string, { torn, other }: Fault): string => `
import { appendFileSync, copyFileSync, mkdirSync, renameSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
const to = process.argv.at(process.argv.indexOf('--saved_model') + 1);
const LAST = '${LAST}';
function write(file, whole = true) {
  copyFileSync('${run}/' + file, to + '/' + file + '.1.tmp');
  if (!whole) truncateSync(to + '/' + file + '.1.tmp', 100);
  renameSync(to + '/' + file + '.1.tmp', to + '/' + file);
}
if (process.argv[2] === 'train') {
  mkdirSync(to + '/weights', { recursive: true });
  const again = process.argv.includes('--resume');
  for (const file of ['results.csv', 'manifest.json']) write(file);
  write(LAST, ${!torn});
  write('args.json');
  console.error('compiling kernels');
  for (let step = 0; step < 4; step++) {
    write(LAST, ${!torn});
    if (${other ?? false} && again) appendFileSync(to + '/predictions.csv', 'another\\n');
    await sleep(100);
  }
  write(LAST);
  write('results.csv');
}
`;

async function killed(fault: Fault): Promise<CrashResult> {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-harness-'));
  try {
    const run = join(dir, 'run');
    mkdirSync(join(run, 'weights'), { recursive: true });
    for (const file of ['args.json', 'manifest.json', 'results.csv'])
      writeFileSync(join(run, file), readFileSync(join(RUN, file)));
    const { metadata } = readSafetensors(gunzipSync(readFileSync(join(RUN, `${LAST}.gz`))));
    const one = { dtype: 'F32', shape: [4], data: Float32Array.of(1, 2, 3, 4) } as const;
    writeFileSync(join(run, LAST), writeSafetensors({ one }, metadata));
    const program = join(dir, 'program.mjs');
    writeFileSync(program, played(run, fault));
    const trials = join(dir, 'trials');
    mkdirSync(trials);
    return await crash({ kills: 2, seed: 1, flags: [], faces: 0, dir: trials, program, say: () => {} });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

test('a training that keeps its files whole comes out equal', async () => {
  const { kills, equal, torn } = await killed({});
  assert.equal({ kills, equal, torn }, { kills: 2, equal: 2, torn: 0 });
});

test('a torn checkpoint is found', async () => {
  const { kills, torn } = await killed({ torn: true });
  assert.is(kills, 2);
  assert.ok(torn >= 1);
});

test('other bits after a kill are found', async () => {
  const { kills, equal } = await killed({ other: true });
  assert.is(kills, 2);
  assert.ok(equal < kills);
});

test.run();
