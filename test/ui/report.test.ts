// report.html: one page of less than 3 MB, whatever the run holds, that says what the run's files say.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageRun, PageSource } from '../../src/page/protocol';
import { writeReport } from '../../src/train/reports/page/report';
import { STEPS_HEADER } from '../../src/train/run/steps';
import { makeFolder, step } from './made_folder';

const test = suite('report.html');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-report-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Writes the report of a run, and reads it as a browser does: the element ends at the first `</script`. */
async function report(name: string, pictures = false): Promise<{ run: PageRun; bytes: number; text: string }> {
  await writeReport({ dir: join(dir, name) }, pictures);
  const text = readFileSync(join(dir, name, 'report.html'), 'utf8');
  const [, rest] = text.split('<script id="page" type="application/json">');
  const source = JSON.parse(rest.slice(0, rest.search(/<\/script/i))) as PageSource;
  if (source.kind !== 'report') throw new Error(`a source of kind ${source.kind}`);
  assert.is(source.runs.length, 1);
  return { run: source.runs[0], bytes: Buffer.byteLength(text), text };
}

test('a small run is in it as a whole, with whatever its names hold', async () => {
  const names = ['</script><script>alert(1)</script>.jpg', '<!--<script>', '$& $1 $` \\u003c "quoted", é\u2028.jpg'];
  makeFolder(join(dir, '$&run'), names);
  writeFileSync(join(dir, '$&run', 'run.log'), '2026 </SCRIPT>\n');
  const { run, text } = await report('$&run');
  assert.equal(run.predictions?.image, names);
  assert.equal([run.name, run.log, run.problems, run.running], ['$&run', ['2026 </SCRIPT>'], [], false]);
  assert.equal([run.steps.step.length, run.epochs.length, run.layers.length, run.pictures], [20, 2, 3, null]);
  assert.not.match(text, /alert\(1\)<\/script>/);
});

test('of a run of any size it stays below 3 MB, and the curve keeps its outline', async () => {
  const at = join(dir, 'large');
  makeFolder(
    at,
    Array.from({ length: 30_000 }, (_, i) => `a/long/path/to/${'<'.repeat(40)}/${i}.jpg`),
  );
  const rows = Array.from({ length: 60_000 }, (_, i) => step(i + 1, i === 40_000 ? 99 : 1 / (i + 1)));
  writeFileSync(join(at, 'steps.csv'), STEPS_HEADER + rows.join(''));
  const spread = { from: 0, to: 1, mean: 0, std: 1, counts: new Array(100).fill(123_456) };
  const layer = { weights: spread, gradients: spread, gradient_norm: 1, activations: spread, dead: 0 };
  const layers = Array.from({ length: 300 }, (_, i) => ({ name: `layer ${i}`, ...layer }));
  const line = (epoch: number): string => `${JSON.stringify({ epoch, layers })}\n`;
  writeFileSync(join(at, 'layers.jsonl'), Array.from({ length: 30 }, (_, i) => line(i)).join(''));
  writeFileSync(join(at, 'run.log'), `${'<'.repeat(3000)}\n`.repeat(3000));
  writeFileSync(join(at, 'args.json'), JSON.stringify({ classes: ['Calm', 'Cross'], note: '<'.repeat(2 ** 21) }));
  const { run, bytes } = await report('large');
  assert.ok(bytes < 3_000_000, `${bytes}`);
  assert.ok(
    Math.max(...run.steps.loss.map(Number)) === 99 && run.steps.step.length > 500,
    `${run.steps.step.length} steps`,
  );
  assert.is(run.steps.step.at(-1), 60_000);
  assert.ok((run.predictions?.image.length ?? 0) > 100 && run.layers.length > 0 && run.log.length > 0);
  assert.match(run.problems.join('\n'), /args: shortened, or left out, to fit into a report/);
});

test('pictures only if they are asked for: small ones, by their row', async () => {
  const faces = join(dir, 'faces');
  mkdirSync(faces);
  const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
  const create = { width: 300, height: 200, channels: 3, background: 'red', noise } as const;
  writeFileSync(join(faces, 'a.jpg'), await sharp({ create }).jpeg().toBuffer());
  makeFolder(join(dir, 'with'), [...new Array(400).fill('a.jpg'), 'gone.jpg', '../report.html'], faces);
  assert.is((await report('with')).run.pictures, null);
  const { run, bytes } = await report('with', true);
  assert.ok(bytes < 3_000_000, `${bytes}`);
  const found = Object.entries(run.pictures ?? {});
  assert.ok(
    found.length > 60 && found.every(([row]) => run.predictions?.image[Number(row)] === 'a.jpg'),
    `${found.length}`,
  );
  const [head, data] = found[0][1].split(',');
  const { width, format } = await sharp(Buffer.from(data, 'base64')).metadata();
  assert.equal([head, width, format], ['data:image/jpeg;base64', 112, 'jpeg']);
});

test.run();
