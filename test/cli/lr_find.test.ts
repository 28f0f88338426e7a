// `train --lr_find`: a learning rate is looked for, and no run is made.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from './program';

const test = suite('lr_find');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-lr-find-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const faces = join(dir, 'faces');
const settings =
  `train --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --model single_task ` +
  '--network denselite --image_size 32 --batch_size 8 --cache off --workers 1';
const train = (more: string) => run(`${settings} ${more}`.split(' '));

test('it leaves its three files and nothing else; a set of three batches goes round', async () => {
  await run(`synth --out ${faces} --n 21 --validation 7 --size 48`.split(' '));
  const out = join(dir, 'a', 'rates');
  const { code, out: said, err } = await train(`--lr_find --out ${out} --saved_model ${dir}/run`);
  assert.is(code, 0, err);
  assert.match(
    said,
    /^(--lr [\d.e-]+ is suggested: there the loss falls steepest\nlowest loss at .*|the loss falls nowhere.*)\nwritten: /,
  );
  assert.equal(readdirSync(dir).sort(), ['a', 'faces']);
  assert.equal(readdirSync(out).sort(), ['lr_find.csv', 'lr_find.png', 'lr_find.svg']);
  const [header, ...rows] = readFileSync(join(out, 'lr_find.csv'), 'utf8').trimEnd().split('\n');
  assert.is(header, 'step,lr,loss,smoothed');
  assert.ok(rows.length > 20 && rows.length <= 100, `${rows.length}`);
  const numbers = rows.map((row) => row.split(',').map(Number));
  for (const [i, [step, lr, loss, smoothed]] of numbers.entries()) {
    assert.is(step, i + 1);
    assert.ok(Math.abs(lr / (1e-7 * 1e7 ** (i / 99)) - 1) < 1e-9);
    assert.ok(loss > 0 && smoothed > 0);
  }
  // A rate of 1e-7 moves nothing: the loss of seven classes that are guessed.
  assert.ok(Math.abs(numbers[0][2] - Math.log(7)) < 0.2, `${numbers[0][2]}`);
  assert.is((await sharp(join(out, 'lr_find.png')).metadata()).format, 'png');
});

test('by the settings of a run, whose folder stays as it is', async () => {
  const to = join(dir, 'run');
  cpSync('test/golden/older_runs/single_task', to, { recursive: true });
  const args = JSON.parse(readFileSync(join(to, 'args.json'), 'utf8'));
  writeFileSync(
    join(to, 'args.json'),
    JSON.stringify({ ...args, pretrained: null, network: 'denselite', image_size: 32, grad_accum_steps: 1 }),
  );
  const files = () =>
    readdirSync(to, { recursive: true, encoding: 'utf8' })
      .filter((name) => name !== 'weights')
      .sort()
      .map((name) => [name, readFileSync(join(to, name)).toString('base64')]);
  const before = files();
  const { code, err } = await run(
    `train --config ${to} --image_dir ${faces} --data ${faces}/training.csv --val_data ${faces}/validation.csv --lr_find --out ${to}`.split(
      ' ',
    ),
  );
  assert.is(code, 0, err);
  assert.equal(
    files().filter(([name]) => !name.startsWith('lr_find')),
    before,
  );
});

test('what it does not go with, and places that cannot be written: exit 2, before anything is prepared', async () => {
  const file = join(dir, 'file');
  writeFileSync(file, 'mine');
  for (const [more, message] of [
    ['--lr_find', /missing: --out DIR, the folder for what --lr_find writes/],
    [`--saved_model ${dir}/x --out ${dir}/y`, /--out \S+y is for what --lr_find writes: give that too/],
    [`--lr_find --out ${dir}/y --dry_run`, /--lr_find makes no run: it goes without --resume, --dry_run and --profile/],
    [`--lr_find --out ${dir}/y --resume`, /--lr_find makes no run/],
    [`--lr_find --out ${file}`, /--out \S+file: cannot be made: expected a folder, found a file/],
    [`--lr_find --out ${dir}/y --lr 0`, /--lr expects a number above 0/],
  ] as const) {
    const { code, out, err } = await train(more);
    assert.is(code, 2, err);
    assert.is(out, '');
    assert.match(err, message);
    assert.not.match(err, 'preparing');
  }
  assert.not(existsSync(join(dir, 'y')));
});

test.run();
