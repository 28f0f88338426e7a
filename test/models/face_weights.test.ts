// denselite with the weights of face-api's expression network, held to a reference in double precision (make_goldens.py of face_weights).
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { step, type Tensor, tensor } from '../../src/autograd';
import { readFaceApiWeights } from '../../src/data/face_weights';
import { readSafetensors } from '../../src/formats/safetensors';
import { DenseLiteFeatures, denseLiteState, identify, inputOf, observe } from '../../src/models';
import { golden } from '../faces/goldens';
import { device } from '../gpu';
import { integers } from '../hashinit';
import { holdStep } from './training_step';

const test = suite('face weights');
const file = 'test/golden/faces/expression.safetensors';
const SIDE = 112;
// Float32 through 16 convolutions: tfjs is off by 2e-7 of the landmarks' largest; four times that, and a floor for other orders of adding.
const TOLERANCE = 4e-6;

/** Hashed pixels as the network wants them, [n, 3, S, S]. */
function images(name: string, n: number): Tensor {
  const plane = SIDE * SIDE;
  const pixels = integers(name, n * plane * 3, 0, 256);
  const { mean, std, scale } = inputOf('denselite');
  const x = Float32Array.from({ length: n * 3 * plane }, (_, i) => {
    const [image, c] = [Math.floor(i / (3 * plane)), Math.floor(i / plane) % 3];
    return (pixels[(image * plane + (i % plane)) * 3 + c] * scale - mean[c]) / std[c];
  });
  return tensor(device, x, [n, 3, SIDE, SIDE]);
}

test("features and every block of the expression network are the reference's", async () => {
  const { tensors, metadata } = readSafetensors(readFileSync(file), file);
  const numbers = (name: string): number[] => Array.from(tensors.get(name)!.data as Float64Array);
  const net = new DenseLiteFeatures(device);
  const weights = readFaceApiWeights('face_expression_model');
  net.loadStateDict(denseLiteState(weights), 'face-api');
  const blocks = new Map<string, Tensor>();
  const names = new Map([...net.namedModules()].map(([name, m]) => [m, name]));
  const { features } = step(device, () => {
    const features = observe(
      (m, y) => blocks.set(names.get(m) ?? '', y),
      () => net.forward(images('landmarks/input', 1)),
    );
    return { features, kept: [...blocks.values()] };
  });
  close(await features.data(), numbers('features'), 'features');
  const samples = numbers('act.sample');
  for (const [row, name] of (JSON.parse(metadata['act.names']) as string[]).entries()) {
    const map = blocks.get(name)!;
    const [, c, h, w] = map.shape;
    assert.equal([1, h, w, c], JSON.parse(metadata['act.shapes'])[row], name);
    const values = await map.data();
    // The samples are of the map with its channels last.
    const got = Array.from({ length: 128 }, (_, k) => {
      const at = Math.floor((k * values.length) / 128);
      return values[(at % c) * h * w + Math.floor(at / c)];
    });
    close(got, samples.slice(row * 128, row * 128 + 128), name);
  }
});

/** To `TOLERANCE` of the largest. */
function close(got: ArrayLike<number>, expected: number[], what: string): void {
  assert.is(got.length, expected.length, what);
  const size = Math.max(...expected.map(Math.abs));
  expected.forEach((v, i) => {
    assert.ok(Math.abs(got[i] - v) <= TOLERANCE * size, `${what}[${i}]: ${got[i]}, expected ${v}`);
  });
}

test('one step of emotion_gcn: losses and the gradient of every parameter', () => {
  const { metadata } = golden('denselite_step');
  const own = (name: string): number => Math.max(...(JSON.parse(metadata[`f32.${name}`]) as number[]));
  return holdStep('denselite_step', {
    network: 'denselite',
    images: images('denselite/input 8', 3),
    weights: denseLiteState(readFaceApiWeights('face_expression_model')),
    losses: 4e-6,
    // Four times what PyTorch's float32 is off at most.
    tolerance: () => [4 * own('grad.norm'), 4 * own('grad.head')],
  });
});

test('the expression network alone is no model of ours: it has no head', () => {
  const weights = denseLiteState(readFaceApiWeights('face_expression_model'));
  assert.is(weights.size, 47);
  assert.is(identify(new Map([...weights].map(([name, entry]) => [`features.${name}`, entry]))), null);
});

test.run();
