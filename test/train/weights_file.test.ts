// Weights in files of their own, as other programs and diverged trainings leave them: what is taken, and what is refused by name.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { writeSyntheticSet } from '../../src/data';
import { networkMetadata } from '../../src/formats/network_metadata';
import { readSafetensors, type TensorData, writeSafetensors } from '../../src/formats/safetensors';
import { writeCheckpoint, writeTorch } from '../../src/formats/torch';
import { buildModel, type StateEntry } from '../../src/models';
import { inspect } from '../../src/train/inspect';
import { takePretrained } from '../../src/train/loop/start';
import { Trainer } from '../../src/train/loop/trainer';
import { loadCheckpoint, loadWeights } from '../../src/train/run/checkpoint';
import { openNetwork } from '../../src/train/run/network';
import { readWeightsFile } from '../../src/train/run/weights_file';
import { readTrainArgs } from '../../src/train/settings/args';
import { run } from '../cli/program';
import { mockDevice } from '../mock_gpu';

const test = suite('weights file');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-weights-'));
test.after(() => rmSync(dir, { recursive: true }));

function file(name: string, bytes: Uint8Array): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  return path;
}

async function refusal(work: () => unknown): Promise<string> {
  try {
    await work();
  } catch (error) {
    assert.instance(error, InputError, (error as Error).stack);
    return (error as Error).message;
  }
  return assert.unreachable('it passed') as never;
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

const { device } = await mockDevice();
const model = buildModel(device, { model: 'emotion_gcn', network: 'bregnext', imageSize: 16 }).initialise(1);
const STATE = await model.stateDict();
const renamed = (prefix: string): Map<string, StateEntry> => new Map([...STATE].map(([n, e]) => [prefix + n, e]));
/** The state with one tensor changed. */
const changed = (name: string, change: (entry: StateEntry) => StateEntry): Map<string, StateEntry> =>
  new Map([...STATE].map(([n, e]) => [n, n === name ? change(e) : e]));

const settings = { saved_model: null, emb: 'random', image_size: 16, dataset: null, classes: null } as const;

test('a wrapped network: predict, evaluate, train --pretrained and inspect find it, and say where', async () => {
  const nested = await writeTorch((tensor) => {
    const state = [...renamed('module.')].map(([name, entry]) => [name, tensor(entry)] as const);
    const average = [...STATE].map(([name, entry]) => [name, tensor(entry)] as const);
    return new Map([
      ['net', new Map(state)],
      ['ema', new Map(average)],
    ]);
  });
  const beside = renamed('_orig_mod.model.').set('criterion.weight', { shape: [7], data: new Float32Array(7) });
  for (const [path, said] of [
    [file('nested.pth', nested), 'weights under net; names without module.; not taken: ema'],
    [
      file('wrapped.safetensors', writeSafetensors(beside)),
      'weights names without _orig_mod., model.; not taken: criterion.',
    ],
  ]) {
    const lines: string[] = [];
    const say = (line: string): void => void lines.push(line);
    const { given, args } = await openNetwork({ ...settings, checkpoint: path }, say);
    assert.equal([args.model, args.network], ['emotion_gcn', 'bregnext']);
    model.loadStateDict(given!.state, path);
    // No vectors but those it was trained with are right, so there is no default.
    const bare = await openNetwork({ ...settings, checkpoint: path, emb: null }).catch((error) => error);
    assert.match(bare.message, /^missing: --emb FILE, the word vectors that .* was trained with/);
    assert.equal([...given!.state.keys()], [...STATE.keys()]);
    assert.equal(lines, [`${path}: ${said}`]);

    lines.length = 0;
    await takePretrained(path, 'bregnext', model, say);
    assert.is(lines[0], `${path}: ${said}`);
    assert.match(lines[1], `${STATE.size - 1} of the model's ${STATE.size} tensors taken`);

    const { facts, table } = await inspect(path, null, {
      imageDir: null,
      dataset: 'affectnet',
      numClasses: 7,
      maxBad: 0,
    });
    assert.is(`weights ${facts.weights}`, said);
    assert.equal(
      table!.slice(1).map(([name]) => name),
      [...STATE.keys()],
    );
  }
});

test('what a file tells of its network besides its weights is taken, where the settings do not tell it; what cannot be is refused by name', async () => {
  const told = { model: 'emotion_gcn', network: 'bregnext', image_size: 20 } as const;
  const classes = ['calm', 'bored', 'keen', 'shy', 'odd', 'late', 'sure'];
  const write = (metadata: Record<string, string>) => file('told.safetensors', writeSafetensors(STATE, metadata));
  const open = (metadata: Record<string, string>, more: object = {}) =>
    openNetwork({ ...settings, image_size: null, ...more, checkpoint: write(metadata) });
  const metadata = networkMetadata({ ...told, classes });
  const { args } = await open(metadata);
  assert.equal([args.classes, args.image_size], [classes, 20]);
  const own = classes.map((name) => `${name}er`);
  const given = await open(metadata, { image_size: 16, classes: own });
  assert.equal([given.args.classes, given.args.image_size], [own, 16]);
  // Another program's own: nothing of ours.
  assert.is((await open({ model: 'a resnet', classes: '!' })).args.classes[1], 'Happy');
  const name = join(dir, 'told.safetensors');
  for (const [key, value, words] of [
    [
      'classes',
      '["calm"',
      'expected a JSON list of the names of its 7 classes as classes in its metadata, found ["calm"',
    ],
    ['classes', JSON.stringify(classes.slice(1)), 'the names of its 7 classes'],
    ['classes', JSON.stringify(classes.map(() => 'calm')), 'the names of its 7 classes'],
    ['classes', JSON.stringify({ ...classes }), 'the names of its 7 classes'],
    ['classes', JSON.stringify(classes.map((_, i) => i)), 'the names of its 7 classes'],
    ['classes', JSON.stringify(['\u001b[2J', ...classes.slice(1)]), 'found ["\\u001b[2J'],
    ['classes', '\u001b[2J', 'found \\u001b[2J'],
    ['classes', '['.repeat(100_000), `found ${'['.repeat(100)}…`],
    ['image_size', '22', 'expected a multiple of 4 as image_size in its metadata, found 22'],
    ['image_size', '1e9', 'found 1e9'],
    ['image_size', '-20', 'found -20'],
    ['network', 'densenet', 'expected bregnext, as its tensors are, as network in its metadata, found densenet'],
    ['model', 'single_task', 'expected emotion_gcn'],
  ])
    assert.match(
      await refusal(() => open({ ...metadata, [key]: value })),
      new RegExp(`^${quoted(`${name}: `)}.*${quoted(words)}`),
    );
});

const CONV = 'model._conv0.weight';
const spoilt = (at: number, value: number) =>
  changed(CONV, ({ shape, data }) => {
    const numbers = Float32Array.from(data as Float32Array);
    numbers[at] = value;
    return { shape, data: numbers };
  });
const size = STATE.get(CONV)!.data.length;

for (const [value, at] of [
  [Number.NaN, 0],
  [Number.POSITIVE_INFINITY, 5],
  [Number.NEGATIVE_INFINITY, size - 1],
]) {
  test(`${value} at ${at} of ${size} is refused by file, tensor and place`, async () => {
    const [, i, h, w] = STATE.get(CONV)!.shape;
    const place = [Math.floor(at / (i * h * w)), Math.floor(at / (h * w)) % i, Math.floor(at / w) % h, at % w];
    const state = spoilt(at, value);
    const words = `${CONV}: expected finite float32 numbers, found ${value} at [${place.join(', ')}]`;
    const [pth, safe] = [
      file('bad.pth', await writeCheckpoint({ epoch: 0, state, optimizer: null })),
      file('bad.safetensors', writeSafetensors(state)),
    ];
    for (const path of [pth, safe]) {
      assert.match(await refusal(() => readWeightsFile(path)), `${path}: ${words}`);
      assert.match(await refusal(() => openNetwork({ ...settings, checkpoint: path })), `${path}: ${words}`);
      assert.match(await refusal(() => takePretrained(path, 'bregnext', model, () => {})), `${path}: ${words}`);
    }
    assert.match(
      await refusal(() => loadWeights(model, { ...readSafetensors(writeSafetensors(state)), file: 'best' })),
      `best: ${words}`,
    );
  });
}

test('of a checkpoint to go on with, the optimizer too', async () => {
  const momentum = { ...STATE.get(CONV)!, data: new Float32Array(size).fill(Number.NaN, 7) };
  const tensors = new Map(STATE).set(`momentum.${CONV}`, momentum);
  const optimizer = { kind: 'sgd', stateNames: ['momentum'] } as never;
  const checkpoint = { ...readSafetensors(writeSafetensors(tensors)), file: 'last' };
  const load = () => loadCheckpoint({ model, optimizer, scaler: null, ema: null }, checkpoint);
  assert.match(await refusal(load), `last: momentum.${CONV}: expected finite float32 numbers, found NaN at [0, 0, `);
});

test('half floats are widened, and their infinities refused; float64 must fit float32', async () => {
  const half = (dtype: string, bits: number): string => {
    const header = JSON.stringify({ w: { dtype, shape: [4], data_offsets: [0, 8] } });
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    const data = new Uint8Array(Uint16Array.of(0, 0, bits, 0).buffer);
    return file(`${dtype}.safetensors`, Buffer.concat([length, Buffer.from(header), data]));
  };
  // 1 and infinity
  for (const [dtype, one, infinity] of [
    ['F16', 0x3c00, 0x7c00],
    ['BF16', 0x3f80, 0x7f80],
  ] as const) {
    assert.equal((await readWeightsFile(half(dtype, one))).state.get('w')?.data, Float32Array.of(0, 0, 1, 0));
    assert.match(
      await refusal(() => readWeightsFile(half(dtype, infinity))),
      'w: expected finite float32 numbers, found Infinity at [2]',
    );
  }
  const wide = (value: number) =>
    file('wide.safetensors', writeSafetensors({ w: { shape: [2], data: Float64Array.of(1, value) } }));
  assert.equal((await readWeightsFile(wide(3e38))).state.get('w')?.data, Float64Array.of(1, 3e38));
  assert.match(await refusal(() => readWeightsFile(wide(1e300))), 'found 1e+300 at [1]');
});

test('an integer is a counter or a number; a tensor of integers is refused', async () => {
  const path = (data: TensorData) =>
    file('whole.safetensors', writeSafetensors({ w: { shape: data.length === 1 ? [] : [data.length], data } }));
  for (const data of [Int32Array.of(7), Uint8Array.of(7), BigInt64Array.of(7n)]) {
    assert.equal((await readWeightsFile(path(data))).state.get('w')?.data, BigInt64Array.of(7n));
  }
  for (const data of [Int32Array.of(7, 8), BigInt64Array.of(7n, 8n)]) {
    const dtype = data instanceof Int32Array ? 'I32' : 'I64';
    assert.match(
      await refusal(() => readWeightsFile(path(data))),
      `w: expected floats (or one integer, a counter), found 2 of ${dtype}`,
    );
  }
  const [scalar] = [...STATE].find(([name, { data }]) => data.length === 1 && !name.endsWith('num_batches_tracked'))!;
  model.loadStateDict(changed(scalar, ({ shape }) => ({ shape, data: BigInt64Array.of(3n) })));
  assert.equal((await model.stateDict()).get(scalar)?.data, Float32Array.of(3));
});

test('train refuses them before it prepares a face', async () => {
  const path = file('bad.safetensors', writeSafetensors(spoilt(0, Number.NaN)));
  const set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 14, validation: 7, seed: 1, size: 32 });
  const given = { image_dir: join(dir, 'faces'), data: set.training, val_data: set.validation, cache: 'off' };
  for (const start of ['pretrained', 'checkpoint']) {
    const saved_model = join(dir, 'run');
    const args = readTrainArgs({
      ...given,
      emb: 'random',
      network: 'bregnext',
      image_size: 16,
      saved_model,
      [start]: path,
    });
    const onDevice = (): void => assert.unreachable('a device was opened');
    const refused = await refusal(() => new Trainer(args, { hooks: { onDevice } }).run());
    assert.match(refused, `${path}: ${CONV}: expected finite float32 numbers, found NaN`);
    assert.not.ok(existsSync(saved_model), 'no run is left behind');
  }
});

test('inspect shows such a file, and says what is wrong with it', async () => {
  const path = file('bad.safetensors', writeSafetensors(spoilt(1, Number.NaN)));
  const { facts } = await inspect(path, null, { imageDir: null, dataset: 'affectnet', numClasses: 7, maxBad: 0 });
  assert.is(facts['not finite'], `${CONV}: NaN at [0, 0, 0, 1]; no command takes such weights`);
});

test('the commands end with exit 2 and one message', async () => {
  const path = file('bad.safetensors', writeSafetensors(spoilt(0, Number.NaN)));
  for (const args of [
    ['predict', '--checkpoint', path, '--emb', 'random', 'x.jpg'],
    ['evaluate', '--checkpoint', path, '--emb', 'random', '--image_dir', dir, '--data', path],
  ]) {
    const { code, err } = await run(args);
    assert.is(code, 2, err);
    assert.match(err, `error: ${path}: ${CONV}: expected finite float32 numbers, found NaN at [0, 0, 0, 0]`);
  }
});

test.run();
