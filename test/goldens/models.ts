// Whole networks: evaluation, then one training step, held to logits, losses, gradients, running and activation tables.
import { backward, noGrad, step, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { normalisedAdjacency } from '../../src/models';
import { checkActivations } from './activations';
import {
  type Check,
  compareFigure,
  compareNames,
  compareStored,
  LOGITS_EVAL,
  LOGITS_TRAIN,
  LOSS,
  type Numbers,
  norm,
  STORED,
} from './compare';
import type { Fixture, HashSpec } from './fixture';
import { filledModel, inputTensor, labelTensor, losses, readState, release } from './network';
import { compareRows, ownErrors, type RowLimit, referenceNorms, rowSize } from './rows';

/** Below this part of its weight's gradient a bias gradient is zero in truth: the bias of a convolution before a batch norm. */
const TRUE_ZERO = 1e-10;

export async function checkModel(device: Device, fixture: Fixture): Promise<Check[]> {
  const model = filledModel(device, fixture);
  const checks: Check[] = [];
  const state = fixture.json<string[]>('state_dict');
  if (state) checks.push(compareNames('state_dict', [...model.namedState().keys()], state));
  if (fixture.has('adj')) {
    const { shape, data } = fixture.input('A');
    const adj = normalisedAdjacency(data, shape[0]);
    checks.push(compareStored('adj', adj, fixture.numbers('adj'), { relL2: 0, maxAbs: 0 }));
  }
  for (const unused of ['A', 'emb', 'labels', 'va']) fixture.ignore(unused); // not every model reads all of them

  const images = fixture.hashed(fixture.needed<HashSpec>('input'));
  const x = tensor(device, images.data, images.shape, { name: 'input' });
  const emb = fixture.has('emb') ? inputTensor(device, fixture, 'emb') : undefined;
  const weights = fixture.needed<number[]>('class_weights');

  model.eval();
  const seen = step(device, () => noGrad(() => model.forward(x, emb)));
  const evaluated = { logits: await seen.logits.data(), va: await seen.va?.data() };
  checks.push(...compareOutputs(fixture, 'eval', evaluated));

  model.train();
  const done = step(device, () => {
    const out = model.forward(x, emb);
    out.logits.retain();
    out.va?.retain();
    const gold = out.va && inputTensor(device, fixture, 'va');
    const l = losses(
      out,
      labelTensor(device, fixture.numbers('labels')),
      gold,
      tensor(device, weights, [weights.length]),
    );
    backward(l.total);
    return { out: { ...out }, l: { ...l } };
  });
  const trained = { logits: await done.out.logits.data(), va: await done.out.va?.data() };
  checks.push(...compareOutputs(fixture, 'train', trained));
  for (const [name, t] of Object.entries(done.l)) {
    const tensorName = `loss.${name}`;
    if (!fixture.has(tensorName)) continue;
    const got = t ? await t.item() : Number.NaN;
    const limit = LOSS.factor * fixture.own(tensorName).maxAbs + LOSS.floor;
    checks.push(compareFigure(tensorName, got, fixture.numbers(tensorName)[0], { limit }));
  }

  const grads = new Map<string, Float32Array>();
  const without: string[] = [];
  for (const [name, p] of model.namedParameters()) {
    if (p.grad) grads.set(name, await p.grad.data());
    else without.push(name);
  }
  const noGradient = fixture.json<string[]>('no_gradient');
  if (noGradient) checks.push(compareNames('no_gradient', without, noGradient));
  checks.push(...compareGradients(fixture, grads));

  const values = await readState(model);
  const running = (name: string): Numbers | undefined => values.get(name);
  checks.push(
    ...compareRows(fixture, 'running', running, (name, got, own): RowLimit => {
      const size = rowSize(name, got, running);
      return { size, limit: (STORED.factor * own.relL2 + STORED.floor) * size };
    }),
  );
  checks.push(...(await checkActivations(device, fixture, model, x, emb)));
  release(device, model);
  return checks;
}

/** Logits, and valence and arousal, of one mode. */
export function compareOutputs(
  fixture: Fixture,
  mode: 'eval' | 'train',
  got: { logits: Numbers; va?: Numbers },
): Check[] {
  const rule = mode === 'eval' ? LOGITS_EVAL : LOGITS_TRAIN;
  return (['logits', 'va'] as const).flatMap((kind) => {
    const name = `${kind}.${mode}`;
    if (!fixture.has(`${name}.f64ref`)) return [];
    return [compareStored(name, got[kind] ?? [], fixture.numbers(`${name}.f64ref`), fixture.own(name), rule)];
  });
}

/**
 * Rows of gradients may be off by four times the file's worst row: a ReLU that flips in one float32 program and not in
 * another changes them all. Gradients that are zero in truth are held to their weight's.
 */
function compareGradients(fixture: Fixture, grads: ReadonlyMap<string, Float32Array>): Check[] {
  const reference = referenceNorms(fixture, 'grad');
  const size = (name: string): number => reference.get(name) ?? norm(grads.get(name) ?? []);
  const isZero = (name: string): boolean =>
    /conv\d\.bias$/.test(name) && size(name) <= TRUE_ZERO * size(name.replace(/bias$/, 'weight'));
  const allowed = 4 * (ownErrors(fixture, 'grad', (name) => !isZero(name)).at(-1) ?? 0);
  return compareRows(
    fixture,
    'grad',
    (name) => grads.get(name),
    (name, _, own): RowLimit => {
      if (!isZero(name)) return { size: size(name), limit: allowed * size(name) };
      const weight = size(name.replace(/bias$/, 'weight'));
      return { size: weight, limit: 8 * own.maxAbs + 1e-6 * weight, each: true };
    },
  );
}
