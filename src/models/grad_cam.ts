import type { Tensor } from '../autograd';
import * as F from '../autograd';
import { InputError } from '../base/errors';
import type { EmotionModel } from './emotion';

/** What of a model's answer is asked about: the score of a class, counted from 0, before softmax, or a dimension. */
export type GradCamTarget = { readonly class: number } | 'valence' | 'arousal';

/** Where a network looked. */
export interface GradCam {
  /** size x size numbers of [0, 1], row by row. */
  readonly map: Float32Array;
  readonly size: number;
  /** What the model gives: the class's score before softmax, valence or arousal. */
  readonly score: number;
}

/**
 * Grad-CAM (Selvaraju et al., ICCV 2017): what in an image raises a score. L = relu(sum over k of a_k A_k), where A [K, size, size] is the
 * network's last map and a_k the mean of d score / d A_k over its places; L is divided by its maximum. It is all 0 where nothing raises the score.
 *
 * The last map is what `model.map` gives: of bregnext the ELU of its last norm, of denselite a ReLU, of mobilenet a ReLU6, of densenet the
 * ReLU of norm5, each of which is averaged to features. Of emotion_gcn on densenet it is norm5's output itself, which has negative numbers too and of
 * which features are the largest: only the places that won have a gradient, and where the map is 4 or 5 wide the network sees its first 3 x 3 places.
 *
 * The model is seen in evaluation mode, and is as it was before: parameters get no gradient. The map is computed on the CPU.
 * @param image [1, 3, S, S], as the model takes it
 * @param embedding word vectors of the nodes [C + 2, 300], for emotion_gcn
 * @throws InputError for another shape, for a class that is not there, for valence or arousal of a model without, and where the score or
 * its gradient is not finite
 * @example
 * const net = buildModel(device, { model: 'multi_task', network: 'denselite', imageSize: 64 }).initialise(1);
 * const image = tensor(device, new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
 * const { map, size, score } = await gradCam(net, image, { class: 1 });
 * [map.length, size]; // [16, 4]
 * Number.isFinite(score); // true
 */
export async function gradCam(
  model: EmotionModel,
  image: Tensor,
  target: GradCamTarget,
  embedding?: Tensor,
): Promise<GradCam> {
  return (await gradCams(model, image, [target], embedding)).maps[0];
}

/** An image as a model sees it. */
export interface Explained {
  /** N. of the model's `width`. */
  readonly features: Float32Array;
  /** C class scores before softmax. */
  readonly logits: Float32Array;
  /** Valence and arousal; null where the model has none. */
  readonly va: Float32Array | null;
  /** In the order of the targets. */
  readonly maps: readonly GradCam[];
}

/**
 * `gradCam` of several targets, with what else the model says of the image: the backbone sees it once.
 * @example
 * const net = buildModel(device, { model: 'multi_task', network: 'denselite', imageSize: 64 }).initialise(1);
 * const image = tensor(device, new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
 * const { features, logits, va, maps } = await gradCams(net, image, [{ class: 0 }, 'valence']);
 * [features.length, logits.length, va?.length, maps.length]; // [256, 7, 2, 2]
 * maps[1].score === va?.[0]; // true
 */
export async function gradCams(
  model: EmotionModel,
  image: Tensor,
  targets: readonly GradCamTarget[],
  embedding?: Tensor,
): Promise<Explained> {
  const { device, classes } = model;
  const [n, channels, h, w] = image.shape;
  if (image.shape.length !== 4 || n !== 1 || channels !== 3 || h !== w)
    throw new InputError(`gradCam wants one square image [1, 3, S, S], found ${image}`);
  for (const target of targets)
    if (typeof target === 'object' && !(Number.isInteger(target.class) && target.class >= 0 && target.class < classes))
      throw new InputError(`gradCam: a class of 0 to ${classes - 1} is wanted, found ${target.class}`);
  const { size, read } = alone(model, () =>
    F.step(device, () => {
      const map = F.noGrad(() => model.map(image));
      const { features, logits, va } = F.noGrad(() => {
        const features = model.pool(map);
        return { features, ...model.heads(features, embedding) };
      });
      const parts = targets.map((target) => gradientOf(model, map, target, embedding));
      const wanted = [map, features, logits, ...(va ? [va] : []), ...parts];
      return { size: map.shape[2], read: F.readAll(wanted) };
    }),
  );
  const [map, features, logits, ...rest] = await read;
  const va = rest.length > targets.length ? (rest.shift() as Float32Array) : null;
  const maps = rest.map((gradient, i) => {
    const target = targets[i];
    const score =
      typeof target === 'object' ? logits[target.class] : (va as Float32Array)[target === 'valence' ? 0 : 1];
    const found = weighted(map, gradient, size * size);
    if (!Number.isFinite(score) || found.some((v) => !Number.isFinite(v)))
      throw new InputError(
        `gradCam: the network gives ${score} for ${nameOf(target)}, and it or its gradient is no finite number`,
      );
    return { map: found, size, score };
  });
  return { features, logits, va, maps };
}

/** Runs `fn` with the model in evaluation mode and no parameter that wants a gradient; then all is as it was. */
function alone<T>(model: EmotionModel, fn: () => T): T {
  const modes = [...model.namedModules()].map(([, module]) => ({ module, training: module.training }));
  const learning = model.parameters().filter((p) => p.requiresGrad);
  model.eval();
  for (const p of learning) p.requiresGrad = false;
  try {
    return fn();
  } finally {
    for (const p of learning) p.requiresGrad = true;
    for (const { module, training } of modes) module.training = training;
  }
}

/** d score / d map [1, K, size, size]. */
function gradientOf(model: EmotionModel, map: Tensor, target: GradCamTarget, embedding?: Tensor): Tensor {
  const leaf = map.detach();
  leaf.requiresGrad = true;
  const { logits, va } = model.heads(model.pool(leaf), embedding);
  if (typeof target === 'string' && !va) throw new InputError(`gradCam: this model has no ${target}`);
  const [scores, at] =
    typeof target === 'object' ? [logits, target.class] : [va as Tensor, target === 'valence' ? 0 : 1];
  F.backward(F.sliceChannels(scores, at, at + 1));
  return leaf.grad as Tensor;
}

/** relu(sum over k of mean(gradient_k) map_k) over its maximum, of maps with `places` places a channel. */
function weighted(map: Float32Array, gradient: Float32Array, places: number): Float32Array {
  const sums = new Float64Array(places);
  for (let from = 0; from < map.length; from += places) {
    let weight = 0;
    for (let i = from; i < from + places; i++) weight += gradient[i] / places;
    for (let i = 0; i < places; i++) sums[i] += weight * map[from + i];
  }
  const most = sums.reduce((a, b) => Math.max(a, b), 0);
  return Float32Array.from(sums, (v) => (most > 0 ? Math.max(v, 0) / most : Math.max(v, 0)));
}

const nameOf = (target: GradCamTarget): string => (typeof target === 'string' ? target : `class ${target.class}`);
