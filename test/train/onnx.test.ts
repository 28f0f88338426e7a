// The six networks as ONNX, in ONNX Runtime (WebAssembly), against the engine itself.
import * as ort from 'onnxruntime-web';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { buildModel, Counter, MODELS, type ModelConfig, NETWORKS, type StateEntry } from '../../src/models';
import { exportOnnx } from '../../src/train/export/onnx';
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

test('a size with odd maps, whose pools drop a row', () =>
  compare({ model: 'emotion_gcn', network: 'densenet', imageSize: 227 }));

test('emotion_gcn without word vectors, and a size that a model cannot take, are refused', () => {
  const config = { model: 'emotion_gcn', network: 'densenet', imageSize: 112 } as const;
  const source = { config, classes, state: new Map<string, StateEntry>(), embedding: null };
  assert.throws(() => exportOnnx(source), /word vectors/);
  assert.throws(() => exportOnnx({ ...source, config: { ...config, imageSize: 224 } }), /imageSize expects 227/);
});

test.run();
