// npm run bench:annotations [-- --rows N] [--json]
// Reading annotations: AffectNet's CSV by this program and, its text alone, by csv-parse, in turn; the npy release's labels (a file
// each); and both again when they are kept.
import { once } from 'node:events';
import { createReadStream, createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import { InputError } from '../src/base/errors';
import { randomStream, randomUniform } from '../src/base/random';
import { AFFECTNET_COLUMNS, CLASSES, readAnnotations } from '../src/data';
import { writeNpy } from '../src/formats/npy_write';
import { median } from './measure';
import { program } from './program';

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '20000' }, json: { type: 'boolean', default: false } },
});

/** Times that each is measured, in turn. */
const TURNS = 3;
/** More than a change may go by unseen. */
const TICK_MS = 100;
/** Files of a face: class, valence, arousal. */
const LABELS = 3;

program(async () => {
  const rows = Number(values.rows);
  if (!Number.isInteger(rows) || rows < 1)
    throw new InputError(`--rows expects a whole number from 1, found ${values.rows}`);
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-bench-'));
  try {
    const [csv, npy] = [join(dir, 'training.csv'), join(dir, 'npy')];
    await drawCsv(csv, rows);
    drawNpy(npy, rows);
    await new Promise((done) => setTimeout(done, TICK_MS));
    const read = (data: string, cache: string, align: boolean) =>
      readAnnotations(data, { dataset: 'affectnet', classes: CLASSES, imageDir: null, align }, { cache });
    const kept = join(dir, 'cache');
    const works: [what: string, unit: string, count: number, run: () => Promise<unknown>][] = [
      ['CSV', 'rows', rows, () => read(csv, 'off', true)],
      ['CSV, its text by csv-parse', 'rows', rows, () => byLibrary(csv)],
      ['CSV, kept', 'rows', rows, () => read(csv, kept, true)],
      ['npy', 'files', LABELS * rows, () => read(npy, 'off', false)],
      ['npy, kept', 'files', LABELS * rows, () => read(npy, kept, false)],
    ];
    for (const [data, align] of [
      [csv, true],
      [npy, false],
    ] as const)
      await read(data, kept, align);
    const times: number[][] = works.map(() => []);
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [i, [, , , run]] of works.entries()) {
        const start = performance.now();
        await run();
        times[i].push((performance.now() - start) / 1000);
      }
    }
    for (const [i, [what, unit, count]] of works.entries()) {
      const seconds = median(times[i]);
      if (values.json) console.log(JSON.stringify({ work: `annotations ${what}`, unit, count, seconds }));
      else
        console.log(`${what.padEnd(28)} ${seconds.toFixed(2).padStart(7)} s  ${Math.round(count / seconds)} ${unit}/s`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
});

async function drawCsv(file: string, rows: number): Promise<void> {
  const stream = randomStream('annotations', 0);
  const out = createWriteStream(file);
  out.write(`${AFFECTNET_COLUMNS.join()}\n`);
  for (let i = 0; i < rows; i++) {
    const at = 200 * i;
    const points = Array.from({ length: 136 }, (_, k) => (randomUniform(stream, at + k) * 200 + k).toFixed(2));
    const [x, y, valence, arousal] = [136, 137, 138, 139].map((k) => randomUniform(stream, at + k));
    const box = [x * 50, y * 50, 200, 200].map(Math.floor);
    const labels = [i % CLASSES.length, valence.toFixed(6), arousal.toFixed(6)];
    const row = [`${i % 1300}/${i.toString(16).padStart(32, '0')}.jpg`, ...box, points.join(';'), ...labels];
    if (!out.write(`${row.join()}\n`)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
}

function drawNpy(dir: string, rows: number): void {
  for (const name of ['images', 'annotations']) mkdirSync(join(dir, name), { recursive: true });
  const half = writeNpy('0.5');
  for (let i = 0; i < rows; i++) {
    writeFileSync(join(dir, 'images', `${i}.jpg`), '');
    writeFileSync(join(dir, 'annotations', `${i}_exp.npy`), writeNpy(String(i % CLASSES.length)));
    for (const name of ['val', 'aro']) writeFileSync(join(dir, 'annotations', `${i}_${name}.npy`), half);
  }
}

async function byLibrary(file: string): Promise<void> {
  const records = createReadStream(file).pipe(
    parse({ info: true, trim: true, record_delimiter: ['\r\n', '\n', '\r'] }),
  );
  for await (const { record } of records) record[5].split(';').map(Number);
}
