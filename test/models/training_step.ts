// One training step of emotion_gcn that starts from weights of faces, held to a reference in double precision.
import * as assert from 'uvu/assert';
import { add, backward, cccLoss, crossEntropy, labels, step, type Tensor, tensor } from '../../src/autograd';
import { buildModel, type NetworkName, type StateEntry } from '../../src/models';
import { golden } from '../faces/goldens';
import { release } from '../goldens/network';
import { device } from '../gpu';
import { parameter } from '../hashinit';

/** How far a gradient may be off: its norm, and its first 16 numbers, both of their length. */
export type Tolerance = readonly [norm: number, head: number];

/**
 * Losses, and the gradient of every parameter but A.
 * @param file of the goldens, whose word vectors may have less than 300 numbers: the rest are 0, which changes nothing
 * @param weights of the backbone
 * @param losses how far each loss may be off
 * @param tolerance of a parameter's gradient, by its place in the golden
 */
export async function holdStep(
  file: string,
  {
    network,
    images,
    weights,
    losses,
    tolerance,
  }: {
    network: NetworkName;
    images: Tensor;
    weights: ReadonlyMap<string, StateEntry>;
    losses: number;
    tolerance: (row: number, names: readonly string[]) => Tolerance;
  },
): Promise<void> {
  const { numbers, metadata, shape } = golden(file);
  const [nodes, words] = shape('emb');
  const A = Float32Array.from(numbers('A'));
  const model = buildModel(device, { model: 'emotion_gcn', network, imageSize: images.shape[3], A });
  const state = await model.stateDict();
  for (const [name, entry] of weights) state.set(`features.${name}`, entry);
  const [{ shape: first }, { shape: second }] = ['gc1.weight', 'gc2.weight'].map((name) => state.get(name)!);
  // Rows of what is 0 in the word vectors may hold anything.
  const wide = new Float32Array(300 * first[1]).fill(0.01);
  wide.set(parameter('gc1.weight', [words, first[1]], 0));
  state.set('gc1.weight', { shape: first, data: wide });
  state.set('gc2.weight', { shape: second, data: parameter('gc2.weight', second, 0) });
  model.loadStateDict(state, file);
  const embedding = new Float32Array(nodes * 300);
  numbers('emb').forEach((v, i) => {
    embedding[Math.floor(i / words) * 300 + (i % words)] = v;
  });
  const parts = step(device, () => {
    const { logits, va } = model.forward(images, tensor(device, embedding, [nodes, 300]));
    const cat = crossEntropy(logits, labels(device, [...numbers('labels')], 7));
    const cont = cccLoss(va as Tensor, tensor(device, Float32Array.from(numbers('va')), shape('va')));
    const total = add(cat, cont);
    backward(total);
    return [total, cat, cont];
  });
  for (const [i, expected] of numbers('loss').entries()) {
    const loss = await parts[i].item();
    assert.ok(Math.abs(loss - expected) <= losses, `loss ${i}: ${loss}, expected ${expected}`);
  }
  const parameters = new Map([...model.namedParameters()].map(([name, t]) => [name.replace('features.', ''), t]));
  const [norms, heads] = [numbers('grad.norm'), numbers('grad.head')];
  const names = (JSON.parse(metadata['grad.names']) as string[]).map((name) => name.replace('features.', ''));
  assert.is(names.length, parameters.size - 1, 'all but A');
  for (const [row, name] of names.entries()) {
    const all = await (parameters.get(name)!.grad as Tensor).data();
    const got = name === 'gc1.weight' ? all.subarray(0, words * first[1]) : all;
    const [ofNorm, ofHead] = tolerance(row, names);
    const norm = length(got);
    assert.ok(Math.abs(norm - norms[row]) <= ofNorm * norms[row], `${name}: norm ${norm}, expected ${norms[row]}`);
    const head = heads.subarray(row * 16, row * 16 + Math.min(16, got.length));
    const off = length(head.map((v, i) => v - got[i]));
    assert.ok(off <= ofHead * length(head), `${name}: ${got.subarray(0, 16)}, expected ${head}`);
    assert.ok(all.subarray(got.length).every((v) => v === 0));
  }
  release(device, model);
}

const length = (v: ArrayLike<number>): number => Math.sqrt(Array.from(v).reduce((s, x) => s + x * x, 0));
