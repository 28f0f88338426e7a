// npm run bench:scale, in short.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, lines } from './program';

const test = suite('bench:scale');

test('time and memory by batch and by size, larger batches by dry run, and a picture', async () => {
  const folder = mkdtempSync('build/scale-');
  try {
    const { out, err } = await bench('bench:scale', 'bregnext', '--quick', '--json', '--out', folder);
    const points = lines(out) as { work: string; size: number; batch: number; ms: number | null; peak_bytes: number }[];
    assert.ok(points.length >= 5, err);
    for (const p of points) assert.is(p.work, `step emotion_gcn bregnext ${p.size} b${p.batch}`);
    const timed = points.filter((p) => p.ms !== null);
    assert.ok(timed.length >= 3 && timed.every((p) => (p.ms as number) > 0));
    // Memory grows with the batch, in a straight line once the parameters weigh little.
    const batches = points.filter((p) => p.size === 64).sort((a, b) => a.batch - b.batch);
    const growth = batches
      .slice(1)
      .map((p, i) => (p.peak_bytes - batches[i].peak_bytes) / (p.batch - batches[i].batch));
    assert.ok(
      growth.every((g) => g > 0.8 * growth[0] && g < 1.25 * growth[0]),
      growth.join(),
    );
    assert.ok((await sharp(readFileSync(join(folder, 'scale.png'))).metadata()).width > 1000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a network that is none is wrong usage', async () => {
  const { code, err } = await bench('bench:scale', 'resnet');
  assert.is(code, 2);
  assert.match(err, /expected a network \(densenet or bregnext\), found resnet/);
});

test.run();
