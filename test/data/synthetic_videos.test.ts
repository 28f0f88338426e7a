// Drawn faces in Aff-Wild2's layout.
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { buildAdjacency } from '../../src/data/adjacency';
import { readAnnotations } from '../../src/data/annotations';
import { decodeImage } from '../../src/data/image';
import { AFFWILD2_CLASSES } from '../../src/data/labels';
import { classCounts } from '../../src/data/samples';
import { writeSyntheticVideos } from '../../src/data/synthetic/synthetic_videos';

const root = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const draw = (name: string, n: number, more = {}) =>
  writeSyntheticVideos({ out: join(root, name), n, validation: 7, size: 32, ...more });
const read = ({ annotations, videos }: { annotations: string; videos: string }) =>
  readAnnotations(annotations, { dataset: 'affwild2', classes: AFFWILD2_CLASSES, imageDir: videos });

test('as many labelled frames of every class, frames without a face between them, a graph', async () => {
  const drawn = await draw('a', 56);
  const { train, val } = await read(drawn);
  assert.equal(classCounts(train.samples, AFFWILD2_CLASSES), [8, 8, 8, 8, 8, 8, 8]);
  assert.is(val?.samples.length, 7);
  assert.equal([train.bad, val?.bad], [[], []]);
  const lines = readFileSync(join(drawn.annotations, 'EXPR_Set/Train_Set/training_000.txt'), 'utf8').trim().split('\n');
  assert.is(lines.length, 1 + 27);
  assert.is(lines[8], '-1');
  assert.not.ok(readdirSync(join(drawn.videos, 'training_000')).includes('00008.jpg'));
  assert.ok(buildAdjacency(train.samples, AFFWILD2_CLASSES).A.every(Number.isFinite));
  const { width, height } = await decodeImage(readFileSync(join(drawn.videos, train.samples.at(0).image)));
  assert.equal([width, height], [32, 32]);
});

test('the same options draw the same; an older, longer set leaves nothing behind', async () => {
  const [a, b] = [await draw('a', 28), await draw('b', 28)];
  assert.equal(readdirSync(a.videos), ['training_000', 'training_001', 'validation_000']);
  const [first, second] = [await read(a), await read(b)];
  const labels = ({ train }: typeof first) => train.samples.map(({ where, ...sample }) => sample);
  assert.equal(labels(first), labels(second));
  for (const { image } of first.train.samples) {
    assert.equal(readFileSync(join(a.videos, image)), readFileSync(join(b.videos, image)));
  }
  const other = await read(await draw('c', 28, { seed: 1 }));
  assert.not.equal(labels(other), labels(first));
});

test.run();
