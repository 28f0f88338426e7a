// A drawn set of every layout goes through the program: train up to its first step, evaluate, inspect.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from './program';

const test = suite('layouts');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-layouts-'));
test.after(() => rmSync(dir, { recursive: true }));

/** A trained network of AffectNet's seven classes. */
const trained = join(dir, 'run');
test.before(() => {
  cpSync('test/golden/older_runs/single_task', trained, { recursive: true });
  const packed = join(trained, 'weights', 'best.safetensors.gz');
  writeFileSync(packed.slice(0, -3), gunzipSync(readFileSync(packed)));
});

async function ran(args: string): Promise<string> {
  const { code, out, err } = await run(args.split(' '));
  assert.is(code, 0, `${args}\n${err}`);
  return out;
}

const SMALL = '--network denselite --image_size 32 --batch_size 4 --emb random --cache off --workers 1';

for (const [layout, data] of Object.entries({
  csv: (out: string) => out,
  npy: (out: string) => out,
  folders: (out: string) => out,
  affwild2: (out: string) => join(out, 'annotations'),
}))
  test(`synth --layout ${layout}: train, evaluate and inspect take it`, async () => {
    const out = join(dir, layout);
    await ran(`synth --layout ${layout} --out ${out} --n 14 --validation 7 --size 48`);
    const videos = layout === 'affwild2' ? ` --dataset affwild2 --image_dir ${join(out, 'videos')}` : '';
    const more = layout === 'folders' ? ' --align off' : '';
    const tried = await ran(`train --data ${data(out)} --saved_model ${out}-run --dry_run ${SMALL}${videos}${more}`);
    assert.match(tried, 'all that the run needs works');
    const { layout: found, ...facts } = JSON.parse(
      await ran(`inspect ${data(out)} --format json${videos.replace(' --dataset affwild2', '')}`),
    ).facts;
    assert.is(found, layout);
    assert.equal(['samples', 'missing pictures', 'unreadable'].map((what) => facts[`train: ${what}`]).slice(1), [0, 0]);
    // The network there is has AffectNet's classes.
    if (layout === 'affwild2') return;
    const measured = await ran(
      `evaluate --saved_model ${trained} --data ${data(out)} --cache off --workers 1 --format json`,
    );
    assert.is(JSON.parse(measured).samples, 7, 'the validation set');
  });

test.run();
