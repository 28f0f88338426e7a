// A run's settings as another's defaults: train --config.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readRunToRepeat } from '../../src/train/run/repeat';
import { toJson } from '../../src/train/run/write';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';

const test = suite('repeat');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-repeat-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const KERNELS = { 'some products': 'plain 8x32' };
const NEEDED = { image_dir: 'faces', data: 'train.csv' };

/** The args.json of a run with these flags. */
function argsFile(name: string, flags: Record<string, unknown> = {}): string {
  const args = readTrainArgs({ ...NEEDED, saved_model: join(dir, name), ...flags });
  mkdirSync(join(dir, name));
  const file = join(dir, name, 'args.json');
  writeFileSync(file, toJson({ ...args, kernels: KERNELS }));
  return file;
}

/** What a run's flags and then others give. */
const repeated = (flags: Record<string, unknown>, given: Record<string, unknown>): TrainArgs => {
  const file = argsFile(`${Math.random()}`, flags);
  return readRunToRepeat(file, { saved_model: join(dir, 'new'), ...given }).args;
};

test('all settings are the run’s but the folder; what is given differs; the folder of the run stands for its file', () => {
  const flags = { limit: 100, emb: 'random', lr: 0.01, seed: 7, rotation: 12 };
  const file = argsFile('first', flags);
  const { saved_model: _, ...own } = readTrainArgs({ ...NEEDED, saved_model: 'x', ...flags });
  for (const path of [file, join(dir, 'first')]) {
    const { args, kernels } = readRunToRepeat(path, { saved_model: 'x', lr: '0.02', seed: undefined });
    assert.equal(args, { ...own, lr: 0.02, saved_model: join(process.cwd(), 'x') });
    assert.equal(kernels, KERNELS);
  }
  for (const tune of ['on', 'off']) assert.equal(readRunToRepeat(file, { saved_model: 'x', tune }).kernels, {});
  assert.throws(() => readRunToRepeat(file, {}), /^missing: --saved_model DIR$/);
});

test('a recipe goes before the settings of the run that is repeated, and behind those that are given', () => {
  const args = repeated({ lr: 0.5, epochs: 7 }, { recipe: 'small_set', epochs: '9' });
  assert.equal([args.lr, args.epochs, args.network], [0.003, 9, 'denselite']);
});

test('defaults that follow from other settings follow from the new ones; what was wished stays, if the optimizer has it', () => {
  const of = (args: TrainArgs) => [args.momentum, args.betas, args.eps];
  assert.equal(of(repeated({}, { optimizer: 'adam' })), [null, [0.9, 0.999], 1e-8]);
  assert.equal(of(repeated({ momentum: 0.5 }, { optimizer: 'adamw' })), [null, [0.9, 0.999], 1e-8]);
  const adam = { optimizer: 'adam', betas: '0.8,0.9', eps: 1e-6 };
  assert.equal(of(repeated(adam, {})), [null, [0.8, 0.9], 1e-6]);
  assert.equal(of(repeated(adam, { optimizer: 'adamw', eps: '1e-5' })), [null, [0.8, 0.9], 1e-5]);
  assert.equal(of(repeated(adam, { optimizer: 'sgd' })), [0.9, null, null]);
  assert.throws(() => repeated({}, { optimizer: 'adam', momentum: 0.9 }), /--momentum 0.9: --optimizer adam has none/);
  assert.throws(() => repeated({}, { optimizer: 'lamb' }), /--optimizer expects one of sgd, adam, adamw, found "lamb"/);

  const vectors = ({ emb }: TrainArgs) => emb;
  assert.is(vectors(repeated({}, { model: 'multi_task' })), null);
  assert.is(vectors(repeated({ model: 'multi_task' }, { model: 'emotion_gcn' })), 'glove100');
  assert.is(vectors(repeated({ emb: 'random' }, { model: 'emotion_gcn' })), 'random');

  const sized = ({ image_size, class_weights }: TrainArgs) => [image_size, class_weights];
  assert.equal(sized(repeated({}, { network: 'bregnext' })), [112, 'affectnet']);
  assert.equal(sized(repeated({}, { dataset: 'affwild2' })), [112, 'none']);
  assert.equal(sized(repeated({ dataset: 'affwild2' }, { dataset: 'affectnet' })), [227, 'affectnet']);
  assert.equal(
    sized(repeated({ image_size: 96, class_weights: 'balanced' }, { network: 'bregnext', dataset: 'affwild2' })),
    [96, 'balanced'],
  );
});

test('classes of one’s own are repeated; a number of classes takes their place, and they take its', () => {
  const own = repeated({ classes: 'calm,bored' }, {});
  assert.equal([own.classes, own.num_classes, own.class_weights], [['calm', 'bored'], null, 'balanced']);
  const eight = repeated({ classes: 'calm,bored' }, { num_classes: 8 });
  assert.equal([eight.classes.length, eight.num_classes, eight.class_weights], [8, 8, 'affectnet']);
  const other = repeated({ num_classes: 8 }, { classes: ['calm', 'bored'] });
  assert.equal([other.classes, other.num_classes, other.class_weights], [['calm', 'bored'], null, 'balanced']);
});

test('of weights to start from those that are given are taken', () => {
  const started = ({ pretrained, checkpoint }: TrainArgs) => [pretrained, checkpoint];
  assert.equal(started(repeated({ pretrained: '/a.pth' }, { checkpoint: '/b.pth' })), [null, '/b.pth']);
  assert.equal(started(repeated({ checkpoint: '/b.pth' }, { pretrained: '/a.pth' })), ['/a.pth', null]);
  assert.equal(started(repeated({ checkpoint: '/b.pth' }, {})), [null, '/b.pth']);
});

test('what is no args.json is refused with file and cause', () => {
  const file = argsFile('damaged');
  const written = readFileSync(file, 'utf8');
  const refused = (path: string, message: RegExp): void =>
    assert.throws(
      () => readRunToRepeat(path, { saved_model: 'x' }),
      (error: Error) => {
        assert.instance(error, InputError);
        assert.match(error.message, message);
        return true;
      },
    );
  refused(join(dir, 'nowhere'), /^--config expects the args.json of a run, found nothing at \S+nowhere$/);
  refused(dir, /^--config expects the args.json of a run, found nothing at \S+args.json$/);
  for (const [content, message] of [
    [written.slice(0, -20), /^\S+args.json: expected JSON: /],
    ['', /^\S+args.json: expected JSON: /],
    ['[]', /^\S+args.json: expected a JSON object, found \[\]/],
    ['null', /^\S+args.json: expected a JSON object, found null/],
    [written.replace('"lr"', '"learning_rate"'), /^\S+args.json: unknown setting learning_rate; there are image_dir/],
    [
      written.replace('"epochs": 10', '"epochs": 1.5'),
      /^\S+args.json: --epochs expects a whole number from 1, found 1.5/,
    ],
    [written.replace('"plain 8x32"', '8'), /^\S+args.json: expected names of tiles as kernels/],
  ] as const) {
    assert.not.equal(content, written);
    writeFileSync(file, content);
    refused(file, message);
    refused(join(dir, 'damaged'), message);
  }
});

test.run();
