// Characters that a terminal obeys stand in the names of many files; no message has them raw.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSafetensors } from '../../src/formats/safetensors';
import { writeZip } from '../../src/formats/torch/zip';
import { run } from '../cli/program';
import { bytes, global, pickle, text } from './make';

const test = suite('terminal');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-terminal-'));
test.after(() => rmSync(dir, { recursive: true }));

/** Clears the screen; writes the line anew from its left; C1's way to begin a sequence; turns what follows around. */
const EVIL = '\x1b[2J\r\u009b1m\u202e';
const SPELT = '\\u001b[2J';

const made: Record<string, Uint8Array> = {
  'class.pkl': pickle(global(`evil${EVIL.replace(/[^\0-\xff]/g, '')}`, 'name')),
  'key.pkl': pickle('}', text(Buffer.from(EVIL).toString('latin1')), 'Ns'),
  'tensor.safetensors': writeSafetensors({ [`a${EVIL}`]: { shape: [1], data: Float32Array.of(Number.NaN) } }),
  'entry.pth': await writeZip(new Map([[`a${EVIL}`, bytes('x')]])),
  'header.csv': bytes(`a${Buffer.from(EVIL).toString('latin1')},b\n1,2\n`),
};

for (const [name, content] of Object.entries(made)) {
  test(`inspect ${name}`, async () => {
    writeFileSync(join(dir, name), content);
    const { out, err } = await run(['inspect', join(dir, name)]);
    assert.not.match(out + err, /[^\P{Cc}\n]|\u202e/u, out + err);
    assert.match(out + err, SPELT);
  });
}

test('what is left out, by prepare and by train', async () => {
  const pictures = join(dir, 'pictures');
  mkdirSync(pictures, { recursive: true });
  const header =
    'subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n';
  const points = Array.from({ length: 136 }, (_, i) => i).join(';');
  const rows = [
    ...Array(3).fill(`a.jpg,0,0,9,9,${points},1,0,0`),
    `"x${EVIL}.jpg",0,0,9,9,1;2,1,0,0`,
    `"x${EVIL}.jpg",0,0,9,9,${points},1,0,0`,
  ];
  const csv = join(dir, 'training.csv');
  for (const name of ['training', 'validation'])
    writeFileSync(join(dir, `${name}.csv`), `${header}${rows.join('\n')}\n`);
  const prepared = await run(`prepare affectnet --csv_dir ${dir} --out ${dir}/out.pkl --max_bad 1`.split(' '));
  assert.is(prepared.code, 0, prepared.err);
  const flags = `--image_dir ${pictures} --data ${csv} --val_data ${csv} --model single_task --network bregnext --image_size 16`;
  const trained = await run(`train ${flags} --cache off --saved_model ${dir}/run`.split(' '));
  assert.is(trained.code, 2, trained.err);
  for (const { out, err } of [prepared, trained]) {
    assert.not.match(out + err, /[^\P{Cc}\n]|\u202e/u);
    assert.match(out + err, SPELT);
  }
});

test.run();
