// The networks as ONNX, in ONNX Runtime (WebAssembly), against the engine itself.
import * as ort from 'onnxruntime-web';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { buildModel, Counter, MODELS, type ModelConfig, NETWORKS, type StateEntry } from '../../src/models';
import { exportOnnx } from '../../src/train/export/onnx';
import { onnxNotes } from '../../src/train/export/onnx_json';
import { Learner } from '../../src/train/loop/learner';
import { readTrainArgs } from '../../src/train/settings/args';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { parameter, uniform } from '../hashinit';
import { A } from '../models/networks';

ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';
const classes = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'];
// Float32 through 120 layers, and the file's own constants: what the two programs differ by is 1e-6 of the largest score.
const TOLERANCE = 1e-4;

/** Compares a filled network with its own export on two images. */
async function compare(config: ModelConfig): Promise<void> {
  const { imageSize } = config;
  const model = buildModel(device, config);
  const state = new Map<string, StateEntry>();
  for (const [name, t] of model.namedState()) {
    if (t instanceof Counter) state.set(name, { shape: [], data: BigInt64Array.of(7n) });
    else state.set(name, { shape: t.shape, data: name === 'A' ? A : parameter(name, t.shape, 3) });
  }
  model.loadStateDict(state);
  model.eval();
  const embedding = uniform('emb', 2700, 3, 0.5);
  const images = uniform('images', 2 * 3 * imageSize ** 2, 3, 1.75);

  const ours = await F.step(device, () =>
    F.noGrad(() => {
      const x = F.tensor(device, images, [2, 3, imageSize, imageSize]);
      const { logits, va } = model.forward(x, F.tensor(device, embedding, [9, 300]));
      return F.readAll(va ? [logits, va] : [logits]);
    }),
  );
  const session = await ort.InferenceSession.create(exportOnnx({ config, classes, state, embedding }));
  const theirs = await session.run({ images: new ort.Tensor('float32', images, [2, 3, imageSize, imageSize]) });
  await session.release();
  release(device, model);

  const names = config.model === 'single_task' ? ['logits'] : ['logits', 'valence_arousal'];
  assert.equal(Object.keys(theirs), names);
  names.forEach((name, i) => {
    const got = theirs[name].data as Float32Array;
    const size = Math.max(...ours[i].map(Math.abs));
    assert.is(got.length, ours[i].length);
    ours[i].forEach((v, k) => {
      assert.ok(Math.abs(v - got[k]) <= TOLERANCE * size, `${name}[${k}]: ${v}, in ONNX Runtime ${got[k]}`);
    });
  });
}

for (const network of NETWORKS)
  for (const model of MODELS)
    test(`${model} on ${network}: ONNX Runtime gives the engine's scores`, () =>
      compare({ model, network, imageSize: network === 'densenet' ? 112 : 64 }));

for (const network of ['denselite', 'mobilenet'] as const)
  test(`${network}: odd maps are padded as the engine pads them`, () =>
    compare({ model: 'single_task', network, imageSize: 77 }));

test('the JSON beside the file tells all that a caller needs: its input made by that alone gives the scores', async () => {
  const [size, moods] = [32, ['calm', 'bored', 'excited']];
  const A = Float32Array.from({ length: 25 }, (_, i) => (i % 6 === 0 || i % 5 === 3 ? 0.5 : 0));
  const config = { model: 'emotion_gcn', network: 'bregnext', imageSize: size, classes: 3 } as const;
  const model = buildModel(device, { ...config, A }).initialise(5);
  const embedding = uniform('emb', 1500, 4, 0.5);
  const args = readTrainArgs({
    ...{ image_dir: 'faces', data: 'a.csv', saved_model: 'run', emb: 'random', network: 'bregnext' },
    ...{ classes: moods, image_size: size },
  });
  const source = { args: { format_version: 3, ...args, kernels: {} }, epoch: 6 };
  const bytes = Uint8Array.from({ length: 2 * size * size * 3 }, (_, i) => (i * 7919 + (i >> 5)) % 256);

  // By the text of the file alone.
  const notes = JSON.parse(JSON.stringify(onnxNotes(source)));
  const { input, classes, outputs } = notes;
  assert.equal(classes, moods);
  assert.is(notes.epoch, 7);
  const order: string[] = ['R', 'G', 'B'];
  const shape = input.shape.map((n: number | string) => (n === 'N' ? 2 : n));
  const plane = input.size ** 2;
  const x = Float32Array.from({ length: 2 * 3 * plane }, (_, i) => {
    const [n, c, at] = [Math.floor(i / (3 * plane)), Math.floor(i / plane) % 3, i % plane];
    const byte = bytes[(n * plane + at) * 3 + order.indexOf(input.channels[c])];
    return (byte * input.scale - input.mean[c]) / input.std[c];
  });
  const state = await model.stateDict();
  const session = await ort.InferenceSession.create(exportOnnx({ config, classes: moods, state, embedding }));
  const theirs = await session.run({ [input.name]: new ort.Tensor(input.type, x, shape) });
  await session.release();

  const learner = new Learner(device, model, { embedding, loss: null });
  const { logits, va } = await learner.evaluate({
    images: bytes,
    affine: Int32Array.from({ length: 12 }, (_, i) => [0, 65536, 0, 0, 0, 65536][i % 6]),
    flip: new Uint32Array(2),
    labels: new Uint32Array(2),
    va: new Float32Array(4),
    rows: new Uint32Array(2),
  });
  release(device, model);
  const ours: Record<string, Float32Array | null> = { logits, valence_arousal: va };
  assert.equal(
    outputs.map(({ name }: { name: string }) => name),
    Object.keys(theirs),
  );
  for (const { name, shape } of outputs) {
    const [got, expected] = [theirs[name].data as Float32Array, ours[name] as Float32Array];
    assert.equal([...theirs[name].dims], [2, shape[1]]);
    const most = Math.max(...expected.map(Math.abs));
    expected.forEach((v, k) => {
      assert.ok(Math.abs(v - got[k]) <= TOLERANCE * most, `${name}[${k}]: ${v}, in ONNX Runtime ${got[k]}`);
    });
  }
});

test('a size with odd maps, whose pools drop a row', () =>
  compare({ model: 'emotion_gcn', network: 'densenet', imageSize: 227 }));

test('emotion_gcn without word vectors, and a size that a model cannot take, are refused', () => {
  const config = { model: 'emotion_gcn', network: 'densenet', imageSize: 112 } as const;
  const source = { config, classes, state: new Map<string, StateEntry>(), embedding: null };
  assert.throws(() => exportOnnx(source), /word vectors/);
  assert.throws(() => exportOnnx({ ...source, config: { ...config, imageSize: 224 } }), /imageSize expects 227/);
});

test.run();
