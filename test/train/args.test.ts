import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTrainArgs } from '../../src/train/settings/args';
import { checkInputs } from '../../src/train/settings/places';
import { rateFactor } from '../../src/train/settings/rate';

const NEEDED = { image_dir: 'faces', data: 'train.csv', saved_model: 'run' };
const read = (given: Record<string, unknown> = {}) => readTrainArgs({ ...NEEDED, ...given });

test("the defaults are the original program's", () => {
  const args = read();
  assert.is(args.dataset, 'affectnet');
  assert.is(args.network, 'densenet');
  assert.is(args.model, 'emotion_gcn');
  assert.is(args.workers, 4);
  assert.is(args.batch_size, 35);
  assert.is(args.epochs, 10);
  assert.is(args.lambda_multi, 1);
  assert.is(args.lr, 0.001);
  assert.is(args.momentum, 0.9);
  assert.is(args.weight_decay, 0.001);
  assert.is(args.image_size, 227);
  assert.is(args.class_weights, 'affectnet');
  assert.is(args.schedule, 'step');
  assert.is(args.optimizer, 'sgd');
  assert.is(args.clip_grad_norm, 0);
  // An args.json that was written before these were settings means the same.
  const { step_size, gamma, rotation, val_fraction } = args;
  assert.equal(
    { step_size, gamma, rotation, val_fraction },
    { step_size: 10, gamma: 0.1, rotation: 30, val_fraction: 0.1 },
  );
  assert.is(args.max_bad, 0.01);
  const { label_smoothing, random_erasing, color_jitter, mixup } = args;
  assert.equal([label_smoothing, random_erasing, color_jitter, mixup], [0, 0, 0, 0]);
});

test('a recipe gives defaults: flags go before it, and args.json alone repeats it', () => {
  const args = read({ recipe: 'small_set' });
  const { network, pretrained, freeze_backbone, lr, image_size } = args;
  assert.equal([network, pretrained, freeze_backbone, lr, image_size], ['denselite', 'faces', true, 0.003, 112]);
  assert.is(read({ recipe: 'small_set', lr: '0.01' }).lr, 0.01);
  assert.is(read({ recipe: 'small_set', lr: undefined }).lr, 0.003);
  // What a file spells out stands, whatever the recipe has become.
  assert.is(read({ ...args, epochs: 3 }).epochs, 3);
  assert.throws(() => read({ recipe: 'large_set' }), /--recipe expects one of small_set, found "large_set"/);
});

test('texts and typed values are both read, paths become absolute, words that are no paths stay', () => {
  const args = read({ epochs: '3', lr: 1e-2, augment: 'off', shuffle: true, emb: 'random', cache: 'off', limit: null });
  assert.is(args.epochs, 3);
  assert.is(args.lr, 0.01);
  assert.is(args.augment, false);
  assert.is(args.shuffle, true);
  assert.is(args.emb, 'random');
  assert.is(args.cache, 'off');
  assert.is(args.data, resolve('train.csv'));
  assert.is(read({ emb: 'glove.txt' }).emb, resolve('glove.txt'));
  assert.equal([read({}).emb, read({ model: 'multi_task' }).emb], ['glove100', null]);
  assert.equal(readTrainArgs({ ...args }), args, 'reading what was read changes nothing');
});

test("the original's sizes and class weights, by data set and network", () => {
  const of = (given: Record<string, unknown>) => {
    const { image_size, class_weights } = read(given);
    return [image_size, class_weights];
  };
  assert.equal(of({}), [227, 'affectnet']);
  assert.equal(of({ network: 'bregnext' }), [112, 'affectnet']);
  assert.equal(of({ dataset: 'affwild2' }), [112, 'none']);
  assert.equal(of({ dataset: 'affwild2', network: 'bregnext' }), [112, 'none']);
  assert.equal(of({ network: 'denselite' }), [112, 'affectnet']);
  assert.equal(of({ network: 'mobilenet' }), [224, 'affectnet']);
  assert.equal(of({ dataset: 'affwild2', network: 'mobilenet' }), [224, 'none']);
  assert.equal(of({ num_classes: 8, image_size: 96, class_weights: 'balanced' }), [96, 'balanced']);
});

test("classes of one's own stand in place of their number, and are read back as they were", () => {
  const own = read({ classes: 'calm, bored,excited', network: 'bregnext' });
  assert.equal(own.classes, ['calm', 'bored', 'excited']);
  assert.is(own.num_classes, null);
  assert.is(own.class_weights, 'balanced');
  assert.equal(read({ classes: own.classes, network: 'bregnext' }), own);
  assert.equal(readTrainArgs(JSON.parse(JSON.stringify(own))), own, 'reading what was read changes nothing');
  // Those of the data set are its own, however they are given.
  const [seven, eight] = [read(), read({ num_classes: 8 })];
  assert.equal(read({ classes: seven.classes }), seven);
  assert.equal(read({ classes: eight.classes.join() }), eight);
  assert.equal([seven.num_classes, seven.classes.length, eight.num_classes, eight.classes.length], [7, 7, 8, 8]);
  assert.is(read({ classes: Array.from({ length: 50 }, (_, i) => `c${i}`) }).classes.length, 50);
});

test('class folders with names of their own are the classes, those of AffectNet are its seven', () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-args-'));
  try {
    const folders = (set: string, names: readonly string[]): string => {
      for (const name of names) {
        mkdirSync(join(dir, set, 'train', name), { recursive: true });
        writeFileSync(join(dir, set, 'train', name, 'face.jpg'), '');
      }
      return join(dir, set);
    };
    const moods = read({ data: folders('moods', ['excited', 'calm', 'very bored']) });
    assert.equal([moods.classes, moods.num_classes], [['calm', 'excited', 'very bored'], null]);
    assert.equal(read({ data: moods.data, classes: 'calm,excited' }).classes, ['calm', 'excited']);
    assert.is(read({ data: moods.data, num_classes: 7 }).classes.length, 7);
    for (const names of [
      ['Happy', 'angry'],
      ['0', '3', '7'],
    ])
      assert.is(read({ data: folders(names.join(), names) }).num_classes, 7);
    assert.throws(
      () => read({ data: folders('odd', ['calm', 'a,b']) }),
      /odd: expected folders with 2 to 50 names, .*; found a,b, calm; say/,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('names that are none, and settings that do not go with other classes, are refused', () => {
  const many = Array.from({ length: 51 }, (_, i) => `c${i}`);
  const wrong = [
    ['calm'],
    ['calm', 'Calm'],
    ['1', 'calm'],
    ['calm', 'valence'],
    ['a\nb', 'calm'],
    ['a"b', 'calm'],
    'calm,,bored',
    many,
  ];
  for (const classes of wrong)
    assert.throws(() => read({ classes }), /--classes expects 2 to 50 names, each another, .* found \S/);
  const refused = (given: object, message: RegExp) =>
    assert.throws(() => read({ classes: 'calm,bored', ...given }), message);
  refused({ num_classes: '7' }, /^--classes calm,bored and --num_classes 7 both .*; give one of them/);
  refused({ dataset: 'affwild2' }, /--dataset affwild2 has classes of its own; leave it out/);
  refused({ class_weights: 'affectnet' }, /--class_weights expects balanced or none for --classes, found "affectnet"/);
});

test('the learning rate, in steps: up in a line, then down by gamma after every step_size epochs', () => {
  const args = { ...read({ warmup: 4, step_size: 2, gamma: 0.5, epochs: 9 }) };
  const at = (done: number): number => rateFactor(args, done, 3);
  assert.equal([0, 1, 3, 4, 5, 6, 11, 12, 26, 300].map(at), [0.25, 0.5, 1, 1, 1, 0.5, 0.5, 0.25, 0.5 ** 4, 0.5 ** 50]);
});

test('the learning rate, by the cosine: up in a line, down to 0 at the end of the last epoch', () => {
  const args = read({ schedule: 'cosine', warmup: 10, epochs: 11 });
  const wanted = [0.1, 0.5, 1, 1, 0.5, 0.5 - Math.SQRT1_2 / 2, 0, 0];
  for (const [i, done] of [0, 4, 9, 10, 60, 85, 110, 500].entries())
    assert.ok(Math.abs(rateFactor(args, done, 10) - wanted[i]) < 1e-12, `${done}`);
});

test('each optimizer has its own settings, with PyTorch’s defaults', () => {
  const of = (given: Record<string, unknown>) => {
    const args = read(given);
    assert.equal(readTrainArgs({ ...args }), args, 'reading what was read changes nothing');
    return [args.momentum, args.betas, args.eps];
  };
  assert.equal(of({}), [0.9, null, null]);
  assert.equal(of({ momentum: '0' }), [0, null, null]);
  assert.equal(of({ optimizer: 'adam' }), [null, [0.9, 0.999], 1e-8]);
  for (const betas of ['0.8,0', '0.8, 0', '0.8 0', ['0.8', '0'], ['0.8,0'], [0.8, 0]])
    assert.equal(of({ optimizer: 'adamw', betas, eps: '1e-6' }), [null, [0.8, 0], 1e-6]);
});

test('a wrong value is refused with what was expected and found', () => {
  for (const [given, message] of [
    [{ epochs: '2.5' }, '--epochs expects a whole number from 1, found "2.5"'],
    [{ epochs: 0 }, '--epochs expects a whole number from 1, found 0'],
    [{ batch_size: '' }, '--batch_size expects a whole number from 1 to 65536, or auto, found ""'],
    [{ lr: '0' }, '--lr expects a number above 0, found "0"'],
    [{ lr: 'fast' }, '--lr expects a number above 0, found "fast"'],
    [{ lr: Number.NaN }, '--lr expects a number above 0, found NaN'],
    [{ step_size: '0' }, '--step_size expects a whole number from 1, found "0"'],
    [{ gamma: '0' }, '--gamma expects a number above 0, at most 1, found "0"'],
    [{ random_erasing: '2' }, '--random_erasing expects a number from 0 to 1, found "2"'],
    [{ color_jitter: 1.01 }, '--color_jitter expects a number from 0 to 1, found 1.01'],
    [{ mixup: '-0.2' }, '--mixup expects a number from 0, found "-0.2"'],
    [
      { mixup: 0.2, batch_size: 1, model: 'single_task' },
      '--mixup 0.2 mixes the images of a batch: it expects --batch_size of 2 or more, found 1',
    ],
    [{ label_smoothing: '1.5' }, '--label_smoothing expects a number from 0 to 1, found "1.5"'],
    [{ rotation: 181 }, '--rotation expects a number from 0 to 180, found 181'],
    [{ val_fraction: '1.5' }, '--val_fraction expects a number above 0, at most 1, found "1.5"'],
    [{ momentum: '-0.1' }, '--momentum expects a number from 0 to 1, found "-0.1"'],
    [{ optimizer: 'lamb' }, '--optimizer expects one of sgd, adam, adamw, found "lamb"'],
    [
      { optimizer: 'adam', momentum: 0.9 },
      '--momentum 0.9: --optimizer adam has none (it has --betas, --eps); leave it out',
    ],
    [{ betas: '0.9,0.99' }, '--betas 0.9,0.99: --optimizer sgd has none (it has --momentum); leave it out'],
    [{ eps: 1e-6 }, '--eps 0.000001: --optimizer sgd has none (it has --momentum); leave it out'],
    [{ optimizer: 'adam', betas: '0.9' }, '--betas expects two numbers from 0 to below 1, as 0.9,0.999, found "0.9"'],
    [
      { optimizer: 'adam', betas: [0.9, 1] },
      '--betas expects two numbers from 0 to below 1, as 0.9,0.999, found 0.9,1',
    ],
    [
      { optimizer: 'adam', betas: '0.9,0.99,0.5' },
      '--betas expects two numbers from 0 to below 1, as 0.9,0.999, found "0.9,0.99,0.5"',
    ],
    [{ optimizer: 'adamw', eps: '-1' }, '--eps expects a number from 0, found "-1"'],
    [{ clip_grad_norm: '-1' }, '--clip_grad_norm expects a number from 0, found "-1"'],
    [{ max_bad: 5 }, '--max_bad expects a number from 0 to 1, found 5'],
    [{ network: 'resnet' }, '--network expects one of densenet, bregnext, denselite, mobilenet, found "resnet"'],
    [{ dataset: 'fer' }, '--dataset expects one of affectnet, affwild2, found "fer"'],
    [{ num_classes: 9 }, '--num_classes expects a whole number from 7 to 8, found 9'],
    [{ adj_threshold: 1.5 }, '--adj_threshold expects a number from 0 to 1, found 1.5'],
    [{ dataset: 'affwild2', num_classes: 8 }, '--num_classes expects 7 for affwild2, found 8'],
    [
      { dataset: 'affwild2', class_weights: 'affectnet' },
      '--class_weights expects balanced or none for affwild2, found "affectnet"',
    ],
    [{ sampler: 'balanced', shuffle: 'off' }, '--sampler balanced draws at random: it expects --shuffle on, found off'],
    [{ augment: 'yes' }, '--augment expects on or off, found "yes"'],
    [{ align: 'maybe' }, '--align expects on, off or open, found "maybe"'],
    [
      { columns: 'path' },
      '--columns expects pairs as image=path,expression=label (of image, face_x, face_y, face_width, face_height, ' +
        'landmarks, expression, valence, arousal), found "path"',
    ],
    [{ limit: '1' }, '--limit expects a whole number from 2, found "1"'],
    [{ seed: 2 ** 32 }, '--seed expects a whole number from 0 to 4294967295, found 4294967296'],
    [{ data: '' }, '--data expects the path of annotations, found ""'],
  ] as const) {
    assert.throws(
      () => read(given),
      (error: Error) => {
        assert.is(error.message, message);
        return true;
      },
    );
  }
});

test('all missing settings are named at once, and a name that is no setting', () => {
  assert.throws(() => readTrainArgs({ data: 'a' }), /^missing: --saved_model DIR$/);
  assert.throws(() => read({ batchsize: 3 }), /unknown setting batchsize; there are image_dir, /);
  assert.throws(() => read({ constructor: 3 }), /unknown setting constructor/);
});

test('the image size must suit the network', () => {
  const sizes = (network: string, model: string) =>
    [4, 6, 8, 28, 29, 32, 42, 92, 93, 112, 188, 189, 224, 227, 228].filter((image_size) => {
      try {
        read({ network, model, image_size });
        return true;
      } catch (error) {
        assert.match((error as Error).message, /^--image_size expects .* for \w+ on \w+, found \d+$/);
        return false;
      }
    });
  assert.equal(sizes('densenet', 'emotion_gcn'), [93, 112, 188, 227]);
  assert.equal(sizes('densenet', 'multi_task'), [29, 32, 42, 92, 93, 112, 188, 189, 224, 227, 228]);
  assert.equal(sizes('bregnext', 'emotion_gcn'), [4, 8, 28, 32, 92, 112, 188, 224, 228]);
  for (const network of ['denselite', 'mobilenet'])
    assert.equal(sizes(network, 'emotion_gcn'), [32, 42, 92, 93, 112, 188, 189, 224, 227, 228]);
});

test('batches of one sample suit only a model without valence and arousal', () => {
  assert.throws(() => read({ batch_size: 1 }), /--batch_size expects at least 2 for emotion_gcn/);
  assert.is(read({ batch_size: 1, model: 'single_task' }).batch_size, 1);
});

test('files that are not there are named with their flag', () => {
  const here = read({ image_dir: 'src', data: 'package.json', emb: 'random' });
  checkInputs(here);
  checkInputs({ ...here, model: 'multi_task', emb: null });
  checkInputs({ ...here, pretrained: 'faces' });
  const check = (changes: object) => () => checkInputs({ ...here, ...changes });
  assert.throws(check({ image_dir: resolve('nowhere') }), /--image_dir expects a folder, found nothing at .*nowhere/);
  assert.throws(check({ image_dir: resolve('package.json') }), /--image_dir expects a folder, found a file/);
  assert.throws(check({ data: resolve('package.json/x') }), /--data expects a file or a folder, found nothing/);
  assert.throws(check({ val_data: resolve('no') }), /--val_data expects a file or a folder, found nothing/);
  assert.throws(
    check({ image_dir: null }),
    /missing: --image_dir DIR, the folder that the pictures' paths in .*package.json/,
  );
  assert.throws(check({ emb: resolve('glove.txt') }), /--emb expects a file, found nothing at .*glove.txt/);
  checkInputs({ ...here, emb: 'glove100' });
});

test.run();
