// A whole network filled as the goldens fill it, and the losses that they take of it.
import { add, cccLoss, crossEntropy, type Tensor, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import {
  buildModel,
  Counter,
  type EmotionModel,
  type ModelName,
  type NetworkName,
  type Prediction,
  type StateEntry,
} from '../../src/models';
import { parameter } from '../hashinit';
import type { Numbers } from './compare';
import type { Fixture } from './fixture';

/** Fills a network by hashinit's rules; `A` is the fixture's own. */
export function fill(model: EmotionModel, fixture: Fixture): void {
  const entries = new Map<string, StateEntry>();
  for (const [name, t] of model.namedState()) {
    if (t instanceof Counter) entries.set(name, { shape: [], data: BigInt64Array.of(0n) });
    else if (name === 'A') entries.set(name, fixture.input('A'));
    else entries.set(name, { shape: t.shape, data: parameter(name, t.shape, fixture.salt) });
  }
  model.loadStateDict(entries, fixture.name);
}

/** The network of a fixture, filled. `model` where the metadata names none: emotion_gcn. */
export function filledModel(device: Device, fixture: Fixture): EmotionModel {
  const model = buildModel(device, {
    model: fixture.json<ModelName>('model') ?? 'emotion_gcn',
    network: fixture.needed<NetworkName>('network'),
    imageSize: fixture.number('input_size'),
  });
  fill(model, fixture);
  return model;
}

export interface Losses {
  total: Tensor;
  cat: Tensor;
  /** Null for a model without valence and arousal. */
  cont: Tensor | null;
}

/** Weighted cross entropy, plus the CCC loss where the model has valence and arousal. */
export function losses({ logits, va }: Prediction, labels: Tensor, gold: Tensor | null, weights: Tensor): Losses {
  const cat = crossEntropy(logits, labels, weights);
  if (!va || !gold) return { total: cat, cat, cont: null };
  const cont = cccLoss(va, gold);
  return { total: add(cat, cont), cat, cont };
}

export const labelTensor = (device: Device, labels: Numbers): Tensor =>
  tensor(device, Uint32Array.from(labels), [labels.length], { name: 'labels' });

/** A stored tensor on the device. */
export function inputTensor(device: Device, fixture: Fixture, name: string): Tensor {
  const { shape, data } = fixture.input(name);
  return tensor(device, data, shape, { name });
}

/** All float entries of a network's state, read back. */
export async function readState(model: EmotionModel): Promise<Map<string, Float32Array>> {
  const out = new Map<string, Float32Array>();
  for (const [name, t] of model.namedState()) if (!(t instanceof Counter)) out.set(name, await t.data());
  return out;
}

/** Gives a network's memory back at once. */
export function release(device: Device, model: EmotionModel): void {
  for (const t of model.namedState().values()) {
    if (t instanceof Counter) continue;
    if (t.grad) device.free(t.grad.storage);
    device.free(t.storage);
  }
}
