import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { InputError } from '../../../src/base/errors';
import { formatMetrics } from '../../../src/cli/format';
import { inspect } from '../../../src/train/inspect';
import { parsePredictions } from '../../../src/train/measures/predictions';
import { compareRuns } from '../../../src/train/reports/comparison';
import { RunReader } from '../../../src/train/reports/page/run_reader';
import { formatHashes, readHashes } from '../../../src/train/run/hashes';
import { readManifest } from '../../../src/train/run/manifest';
import { readRun } from '../../../src/train/run/read_run';
import { readRunToRepeat } from '../../../src/train/run/repeat';
import { formatResults, parseResults } from '../../../src/train/run/results';
import { readRunToResume } from '../../../src/train/run/resume';
import { encode, place } from '../files';
import type { Target } from '../target';

const RUN = 'test/golden/older_runs/single_task';
const run = place('fuzzed', 'x', '..');
cpSync(RUN, run, { recursive: true });
rmSync(join(run, 'weights'), { recursive: true });

const LAYER = '{"epoch":0,"layers":[{"name":"conv","weights":[0,1],"gradients":null,"outputs":[0.5,0.1],"dead":3}]}\n';
const others: Record<string, Uint8Array> = {
  'hashes.csv': encode(formatHashes([{ epoch: 1, step: 4, hash: '0123456789abcdef' }])),
  'steps.csv': encode('step,epoch,loss,cat,cont,accuracy,lr\n1,1,2.5,2.5,,0.25,0.001\n'),
  'layers.jsonl': encode(LAYER),
  'profile.json': encode('{"ops":[{"name":"conv2d","ms":1.5,"count":3}]}'),
  'lock.json': encode('{"pid":1,"host":"a","time":0}'),
  'run.log': encode('2026-01-01 begun\n'),
};
for (const [name, content] of Object.entries(others)) writeFileSync(join(run, name), content);
/** The files of a run that are text; a case's first byte says which it is. */
const FILES = ['args.json', 'metrics.json', 'manifest.json', 'results.csv', 'predictions.csv', ...Object.keys(others)];
const good = FILES.map((name) => new Uint8Array(readFileSync(join(run, name))));

/** One of the first three, of whose entries one is something else. */
const changed = fc.tuple(fc.nat(2), fc.nat(), fc.jsonValue({ maxDepth: 2 })).map(([i, k, value]) => {
  const entries: [string, unknown][] = Object.entries(JSON.parse(Buffer.from(good[i]).toString()));
  entries[k % entries.length][1] = value;
  return Uint8Array.of(i, ...encode(JSON.stringify(Object.fromEntries(entries))));
});

/** A run's texts from a stranger: all that commands and the page do with them before they open its weights. */
export const target: Target = {
  names: 'fuzzed',
  seeds: () => [
    ...good.map((content, i) => Uint8Array.of(i, ...content)),
    ...fc.sample(changed, { seed: 1, numRuns: 60 }),
  ],
  async read([first = 0, ...content]) {
    const which = first % FILES.length;
    const file = join(run, FILES[which]);
    try {
      writeFileSync(file, Uint8Array.from(content));
      const page = new RunReader(run, 'run', 'r0');
      page.look();
      const bug = page.run.problems.find((problem) => /Cannot|is not (a function|iterable)|undefined \(/.test(problem));
      if (bug) throw new Error(`the page is told ${bug}`);
      await readAll();
    } finally {
      writeFileSync(file, good[which]);
    }
  },
};

async function readAll(): Promise<void> {
  const { metrics, rows, args } = readRun(run);
  const again = parseResults(formatResults(rows), 'as it was written');
  if (JSON.stringify(again) !== JSON.stringify(rows))
    throw new Error('what is written of the results is read otherwise');
  if (metrics) formatMetrics(metrics);
  compareRuns([run]);
  await inspect(run, 'run', { imageDir: null, dataset: null, numClasses: 7, maxBad: 0 });
  readRunToRepeat(join(run, 'args.json'), { saved_model: place('new') });
  readRunToResume(run, {});
  readManifest(run);
  readHashes(run);
  try {
    parsePredictions(readFileSync(join(run, 'predictions.csv'), 'utf8'), `${run}/predictions.csv`, args.classes);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
  }
}
