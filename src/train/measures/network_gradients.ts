// Whether a network's gradients are right, and how they are from layer to layer.
import { dropMoments, readAll, type Tensor } from '../../autograd';
import { randomStream, randomUniform } from '../../base/random';
import type { Batch } from '../../data';
import type { BatchResult, Learner } from '../loop/learner';
import { LayerLook, layerStats } from './layer_stats';
import { ccc } from './metrics';

/** How far analytic and numeric may be apart, relative to the larger: see docs/debugging.md. */
export const TOLERANCE = 0.05;
/** A layer's ratio |gradient| / |weights| that is so many times below, or above, that of the middle layer is named. */
export const FAR = 1000;

/** Part of a difference that rounding is to make: three standard deviations of it. The wider the step, the more ReLUs it switches. */
const NOISE = 0.002;
/** Part of a filter's norm by which one of its numbers is moved at most. */
const MOST = 0.1;
/** What disagrees is looked at with smaller steps: a kink of a ReLU that the first one met is then rarely met again. */
const STEPS = [1, 1 / 4, 1 / 16];
/** Numbers more of a parameter that are looked at where those that were do not agree. */
const MORE = 4;
/** Of so many layers with a weight one's bias is looked at: before a norm it has no gradient but rounding. */
const BIASES = 4;
/** Forwards that differ by rounding alone, by which that is measured. */
const ROUNDINGS = 6;

/** One number of a parameter: what backward says, and what the loss does. */
export interface GradientSample {
  readonly parameter: string;
  /** Place in the parameter, row by row. */
  readonly index: number;
  readonly analytic: number;
  readonly numeric: number;
  /** |analytic - numeric| but for what rounding explains, relative to the larger, or to 0.1 rms of the parameter's gradient. */
  readonly error: number;
  /** What rounding may have made of the difference, relative to the same. From 0.5 on nothing is said of this number. */
  readonly noise: number;
  /** Half the distance of the difference. */
  readonly step: number;
}

/** Far from the middle layer: see FAR. `none`: its gradient is 0 throughout. */
export type GradientState = 'fine' | 'vanishing' | 'exploding' | 'not finite' | 'none' | 'frozen';

/** A layer, which has parameters of its own. */
export interface LayerGradients {
  readonly name: string;
  readonly kind: string;
  /** Numbers in its parameters. */
  readonly parameters: number;
  /** L2 norms of its weight, and of the gradient of that. */
  readonly weight_norm: number;
  readonly gradient_norm: number | null;
  readonly state: GradientState;
  /** Fraction of its channels that are 0 on all faces, as what follows sees them, in evaluation mode; null: it has no channels of its own, or is not used. */
  readonly dead: number | null;
  readonly samples: readonly GradientSample[];
  /** Of those samples of which something is said; null: there are none. */
  readonly median_error: number | null;
  readonly worst_error: number | null;
  /** Parameters whose gradient is wrong: the median error of their samples is above the tolerance. */
  readonly wrong: readonly string[];
}

export interface GradientCheck {
  /** That norms and dead channels are of. */
  readonly faces: number;
  /** How many of them the differences are of. */
  readonly differences_of: number;
  /** The loss of those, as the device computes it, and as the CPU does in doubles from the same logits. */
  readonly loss: number;
  readonly loss_in_doubles: number;
  /** Standard deviation of the loss by rounding alone. */
  readonly rounding: number;
  readonly tolerance: number;
  readonly far: number;
  readonly layers: readonly LayerGradients[];
}

export interface GradientCheckOptions {
  /** Numbers that are looked at of each weight; of the rest of a layer's parameters, such as a norm's two, one by turns. */
  readonly samples: number;
  readonly seed: number;
  /** As the learner's. */
  readonly loss: { readonly classWeights: Float32Array; readonly lambda: number; readonly labelSmoothing: number };
  readonly onProgress?: (done: number, total: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Looks at a network's gradients on a batch, and holds what backward says of a training step's loss on a few faces to central differences
 * of that loss, for a sample of each layer's numbers, one moved at a time. The loss is summed in doubles from the logits that the network
 * gives in training mode (batch statistics, nothing drawn). Nothing of the network is changed in the end but its gradients.
 *
 * A number is moved so far that rounding makes NOISE of the difference that backward foretells, but by no more than MOST of its filter's norm. Of what disagrees
 * the step is made smaller twice, and the best of the three counts, less three standard deviations of what rounding makes. Where
 * one disagrees still, MORE are looked at, and their median decides: a kink is of one number, an error of a gradient's many.
 * @throws the signal's reason
 */
export async function checkNetwork(
  learner: Learner,
  batch: Batch,
  few: Batch,
  { samples, seed, loss, onProgress = () => {}, signal }: GradientCheckOptions,
): Promise<GradientCheck> {
  const { model, device } = learner;
  const modules = new Map(model.namedModules());
  const named = [...model.namedParameters()];
  const trained = named.filter(([, p]) => p.requiresGrad);
  const gradientsOf = async (of: Batch): Promise<{ result: BatchResult; gradients: Map<string, Float32Array> }> => {
    const result = await learner.rehearse(of, true);
    const there = trained.filter(([, { grad }]) => grad);
    const read = await readAll(there.map(([, { grad }]) => grad as Tensor));
    return { result, gradients: new Map(there.map(([name], i) => [name, read[i]])) };
  };
  const whole = (await gradientsOf(batch)).gradients;
  const { result, gradients } = await gradientsOf(few);
  const numbers = new Map((await readAll(named.map(([, p]) => p))).map((data, i) => [named[i][0], data]));
  const lossOf = (of: BatchResult): number => lossInDoubles(of, few, loss, model.classes);
  const lossNow = async (): Promise<number> => lossOf(await learner.rehearse(few, false));
  const rounding = await roundingOf(trained[0]?.[1], lossNow);

  const turns = turnsOf(trained);
  const found = new Map<string, GradientSample[]>();
  for (const [done, [name, parameter]] of trained.entries()) {
    signal?.throwIfAborted();
    onProgress(done, trained.length);
    const start = numbers.get(name) as Float32Array;
    const gradient = gradients.get(name) ?? new Float32Array(parameter.size);
    const difference = differenceIn(parameter, name, start, gradient, rounding, lossNow);
    if (parameter.shape.length === 1 && !turns.has(name)) continue;
    const wanted = Math.min(parameter.size, parameter.shape.length > 1 ? samples : 1);
    const places = placesIn(gradient, name, seed, wanted + MORE);
    const seen: GradientSample[] = [];
    for (const place of places.slice(0, wanted)) seen.push(await difference(place));
    if (told(seen).some(({ error }) => error > TOLERANCE))
      for (const place of places.slice(wanted)) seen.push(await difference(place));
    found.set(name, seen);
  }
  onProgress(trained.length, trained.length);
  dropMoments(device);

  const stats = await lookAtLayers(learner, batch);
  const owners = new Map<string, string[]>();
  for (const [name] of named) {
    const owner = ownerOf(name);
    owners.set(owner, [...(owners.get(owner) ?? []), name]);
  }
  // The label graph is nobody's layer.
  owners.delete('');
  const learnt = new Set(trained.map(([name]) => name));
  const sizes = new Map(named.map(([name, p]) => [name, p.size]));
  const facts = [...owners].map(([name, parameters]) => {
    const weight = parameters.find((p) => p.endsWith('.weight')) ?? parameters[0];
    const gradient = whole.get(weight);
    return {
      name,
      kind: modules.get(name)?.kind ?? '',
      parameters: parameters.reduce((sum, p) => sum + (sizes.get(p) as number), 0),
      weight_norm: norm(numbers.get(weight) as Float32Array),
      gradient_norm: learnt.has(weight) ? norm(gradient ?? new Float32Array()) : null,
      isKernel: stats.has(name),
      dead: stats.get(name) ?? null,
      samples: parameters.flatMap((p) => found.get(p) ?? []),
      wrong: parameters.filter((p) => medianOf(found.get(p) ?? []) > TOLERANCE),
    };
  });
  const ratio = (of: { gradient_norm: number | null; weight_norm: number }): number =>
    (of.gradient_norm ?? 0) / of.weight_norm;
  const middle = median(
    facts
      .filter((of) => of.isKernel)
      .map(ratio)
      .filter((r) => r > 0 && Number.isFinite(r)),
  );
  const layers = facts.map(({ isKernel, ...of }): LayerGradients => {
    const errors = told(of.samples).map(({ error }) => error);
    const [median_error, worst_error] = errors.length > 0 ? [median(errors), worst(errors)] : [null, null];
    return { ...of, state: stateOf(of.gradient_norm, isKernel ? ratio(of) / middle : 1), median_error, worst_error };
  });
  return {
    ...{
      faces: batch.labels.length,
      differences_of: few.labels.length,
      rounding,
      tolerance: TOLERANCE,
      far: FAR,
      layers,
    },
    loss: result.loss as number,
    loss_in_doubles: lossOf(result),
  };
}

/** Whether the check found everything right. */
export const isRight = ({ loss, loss_in_doubles, layers }: GradientCheck): boolean =>
  layers.every(({ wrong, state }) => wrong.length === 0 && state !== 'not finite') &&
  isLossRight(loss, loss_in_doubles);

/** Few terms in float32: 1e-5 is a hundred roundings. */
const isLossRight = (loss: number, inDoubles: number): boolean =>
  Math.abs(loss - inDoubles) <= 1e-5 * Math.max(1, Math.abs(inDoubles));

function stateOf(gradient: number | null, ofMiddle: number): GradientState {
  if (gradient === null) return 'frozen';
  if (!Number.isFinite(gradient)) return 'not finite';
  if (gradient === 0) return 'none';
  if (ofMiddle < 1 / FAR) return 'vanishing';
  return ofMiddle > FAR ? 'exploding' : 'fine';
}

/** Dead channels of the layers that have some, on the batch's faces. */
async function lookAtLayers(learner: Learner, batch: Batch): Promise<Map<string, number | null>> {
  const { model } = learner;
  const { result, look } = LayerLook.at(model, batch.labels.length, () => learner.evaluate(batch));
  await result;
  const stats = await layerStats(await model.stateDict(), new Map(), look);
  return new Map(stats.map(({ name, dead }) => [name, dead]));
}

/** Standard deviation of the loss where a number at the network's beginning moves by some units in its last place. */
async function roundingOf(first: Tensor | undefined, lossNow: () => Promise<number>): Promise<number> {
  if (!first) return 0;
  const start = await first.data();
  const losses: number[] = [];
  for (let k = 0; k < ROUNDINGS; k++) {
    const moved = start.slice();
    for (let i = k; i < moved.length; i += ROUNDINGS) moved[i] *= 1 + (i & 1 ? 2 ** -23 : -(2 ** -23));
    first.write(moved);
    losses.push(await lossNow());
  }
  first.write(start);
  const mean = losses.reduce((a, b) => a + b) / losses.length;
  const deviation = Math.sqrt(losses.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (losses.length - 1));
  return Math.max(deviation, 2 ** -24 * Math.abs(mean));
}

/** What moves one number of a parameter both ways, and compares. */
function differenceIn(
  parameter: Tensor,
  name: string,
  start: Float32Array,
  gradient: Float32Array,
  rounding: number,
  lossNow: () => Promise<number>,
): (index: number) => Promise<GradientSample> {
  const rms = norm(gradient) / Math.sqrt(gradient.length);
  const filter = start.length / (parameter.shape.length > 1 ? parameter.shape[0] : start.length);
  return async (index) => {
    const analytic = gradient[index];
    const first = index - (index % filter);
    const size =
      parameter.shape.length > 1 ? norm(start.subarray(first, first + filter)) : norm(start) / Math.sqrt(start.length);
    const noisy = 3 * Math.SQRT2 * rounding;
    const foretold = Math.max(Math.abs(analytic), 0.1 * rms);
    const widest = Math.min(MOST * Math.max(size, 0.1), noisy / NOISE / (2 * foretold));
    let best: GradientSample | null = null;
    for (const part of STEPS) {
      const [above, below] = [start.slice(), start.slice()];
      above[index] += part * widest;
      below[index] -= part * widest;
      // The step that float32 took.
      const distance = above[index] - below[index];
      if (!(distance > 0)) break;
      parameter.write(above);
      const high = await lossNow();
      parameter.write(below);
      const low = await lossNow();
      const numeric = (high - low) / distance;
      const noise = noisy / distance;
      const scale = Math.max(Math.abs(analytic), Math.abs(numeric), 0.1 * rms);
      const apart = Math.max(0, Math.abs(analytic - numeric) - noise);
      const error = scale > 0 ? apart / scale : 0;
      // A NaN is no agreement.
      const sample = {
        ...{ parameter: name, index, analytic, numeric, step: distance / 2 },
        ...{ error: Number.isNaN(error) ? 1 : error, noise: scale > 0 ? noise / scale : 0 },
      };
      if (!best || sample.error < best.error) best = sample;
      // With a smaller step rounding would hide what is looked for.
      if (best.error <= TOLERANCE || sample.noise > 0.1) break;
    }
    parameter.write(start);
    return best ?? { parameter: name, index, analytic, numeric: Number.NaN, error: 1, noise: 0, step: 0 };
  };
}

/** Of a layer's vectors, such as a norm's two, the one whose turn it is: the first of the first layer of a kind, the second of the next. */
function turnsOf(parameters: readonly (readonly [string, Tensor])[]): Set<string> {
  const layers = new Map<string, { vectors: string[]; hasWeight: boolean }>();
  for (const [name, { shape }] of parameters) {
    const owner = ownerOf(name);
    const of = layers.get(owner) ?? { vectors: [], hasWeight: false };
    layers.set(owner, of);
    if (shape.length > 1) of.hasWeight = true;
    else of.vectors.push(name);
  }
  const seen = new Map<string, number>();
  return new Set(
    [...layers.values()].flatMap(({ vectors, hasWeight }) => {
      const kind = vectors.map((name) => name.slice(ownerOf(name).length)).join() + hasWeight;
      const turn = seen.get(kind) ?? 0;
      seen.set(kind, turn + 1);
      const round = hasWeight ? BIASES * vectors.length : vectors.length;
      return vectors[turn % round] ?? [];
    }),
  );
}

const ownerOf = (name: string): string => name.slice(0, Math.max(0, name.lastIndexOf('.')));

/** The largest gradient's place, then others drawn from equal parts of all, none twice. */
function placesIn(gradient: Float32Array, name: string, seed: number, count: number): number[] {
  let largest = 0;
  for (let i = 1; i < gradient.length; i++) if (Math.abs(gradient[i]) > Math.abs(gradient[largest])) largest = i;
  const stream = randomStream(`gradcheck/${name}`, seed);
  const drawn = Array.from({ length: count }, (_, k) =>
    Math.floor(((k + randomUniform(stream, k)) * gradient.length) / count),
  );
  // In an order by which the first few are spread, too.
  const order = drawn.map((place, k) => ({ place, at: randomUniform(stream, count + k) })).sort((a, b) => a.at - b.at);
  return [...new Set([largest, ...order.map(({ place }) => place)])].slice(0, count);
}

/**
 * Cross entropy with class weights and label smoothing, plus lambda * (1 - mean CCC), as `losses` has them on the device, from a batch's
 * logits in doubles.
 */
function lossInDoubles(
  { logits, va }: Pick<BatchResult, 'logits' | 'va'>,
  { labels, va: truth }: Pick<Batch, 'labels' | 'va'>,
  { classWeights, lambda, labelSmoothing }: GradientCheckOptions['loss'],
  classes: number,
): number {
  let [sum, weights] = [0, 0];
  labels.forEach((label, i) => {
    const scores = Array.from(logits.subarray(i * classes, (i + 1) * classes));
    const most = Math.max(...scores);
    const all = most + Math.log(scores.reduce((total, x) => total + Math.exp(x - most), 0));
    weights += classWeights[label];
    sum += (1 - labelSmoothing) * classWeights[label] * (all - scores[label]);
    for (let c = 0; c < classes; c++) sum += (labelSmoothing / classes) * classWeights[c] * (all - scores[c]);
  });
  const cat = sum / (weights || 1);
  if (!va) return cat;
  const column = (of: Float32Array, c: number): Float32Array => of.filter((_, i) => i % 2 === c);
  const [valence, arousal] = [0, 1].map((c) => ccc(column(truth, c), column(va, c)));
  return cat + lambda * (1 - (valence + arousal) / 2);
}

/** Those that rounding says something of. */
export const told = (samples: readonly GradientSample[]): GradientSample[] =>
  samples.filter(({ noise }) => noise < 0.5);

const medianOf = (samples: readonly GradientSample[]): number => median(told(samples).map(({ error }) => error));

/** Of an even number the lower: one alone of two may stand at a kink. */
function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
}

const worst = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));

function norm(numbers: Float32Array): number {
  let square = 0;
  for (const v of numbers) square += v * v;
  return Math.sqrt(square);
}
