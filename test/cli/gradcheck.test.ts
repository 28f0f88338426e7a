// gradcheck of a run: a table, JSON, files; exit 1 where a gradient is wrong.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { GradientCheck } from '../../src/train/measures/network_gradients';
import { programFile, run } from './program';

const test = suite('gradcheck');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-gradcheck-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));
const to = join(dir, 'run');
const program = (args: string) => run(args.split(' '));

test('a run: files beside it, the table, and the same as JSON elsewhere', async () => {
  const faces = join(dir, 'faces');
  assert.is((await program(`synth --out ${faces} --n 14 --validation 7 --size 48`)).code, 0);
  const trained = await program(
    `train --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --network denselite ` +
      `--model multi_task --image_size 32 --batch_size 7 --epochs 1 --cache off --workers 1 --saved_model ${to}`,
  );
  assert.is(trained.code, 0, trained.err);
  const table = await program(`gradcheck --saved_model ${to} --samples 1 --cache off`);
  assert.is(table.code, 0, table.out + table.err);
  assert.match(table.out, /^features\.dense0\.conv0 +fine +right +\d/m);
  assert.match(table.out, /\nno gradient is wrong\n$/);
  const check: GradientCheck = JSON.parse(readFileSync(join(to, 'gradcheck.json'), 'utf8'));
  assert.is(check.layers.length, 33);
  assert.is((await sharp(join(to, 'gradcheck.png')).metadata()).format, 'png');
  assert.match(readFileSync(join(to, 'gradcheck.svg'), 'utf8'), /^<svg/);
});

test('a ReLU whose derivative is wrong: exit 1, and the layers are named', async () => {
  const broken = `${dirname(programFile())}-broken`;
  cpSync(dirname(programFile()), broken, { recursive: true });
  let patched = 0;
  for (const name of readdirSync(broken).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(broken, name), 'utf8');
    const wrong = text.replaceAll('select(Z(), Z(1.0), z > Z())', 'select(Z(), Z(0.8), z > Z())');
    if (wrong !== text) patched++;
    writeFileSync(join(broken, name), wrong);
  }
  try {
    assert.ok(patched > 0);
    const out = join(dir, 'a', 'check');
    const args = [
      'gradcheck',
      '--saved_model',
      to,
      '--samples',
      '1',
      '--cache',
      'off',
      '--format',
      'json',
      '--out',
      out,
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(broken, 'cli.js'), ...args], {
      encoding: 'utf8',
    });
    assert.is(status, 1, stderr);
    const { layers }: GradientCheck = JSON.parse(stdout);
    const wrong = layers.filter((layer) => layer.wrong.length > 0).map(({ name }) => name);
    assert.ok(
      wrong.includes('features.dense0.conv0') && wrong.includes('features.dense3.conv0.pointwise'),
      wrong.join(),
    );
    // No ReLU lies behind the heads.
    assert.not(wrong.some((name) => name.startsWith('lin_')));
    assert.equal(readdirSync(out).sort(), ['gradcheck.json', 'gradcheck.png', 'gradcheck.svg']);
  } finally {
    rmSync(broken, { recursive: true, force: true });
  }
});

test('what is refused', async () => {
  const refused = async (args: string, message: RegExp): Promise<void> => {
    const { code, err } = await program(args);
    assert.match(err, message);
    assert.is(code, 2);
  };
  await refused('gradcheck', /missing: --saved_model DIR/);
  await refused(`gradcheck --saved_model ${dir}/none`, /expects the folder of a run/);
  await refused(`gradcheck --saved_model ${to} --samples 0`, /--samples expects a whole number from 1 to 1000/);
  await refused(`gradcheck --saved_model ${to} --out ${to}`, /gradcheck\.json is a file of the run/);
  await refused(
    `gradcheck --saved_model ${to} --out ${to}/args.json`,
    /--out .*args\.json: .*(is a file of the run|expected a folder, found a file)/,
  );
  await refused(`gradcheck --saved_model ${to} --image_dir ${dir}/none`, /--image_dir expects a folder/);
  assert.not(existsSync(join(dir, 'none')));
});

test.run();
