import type { Tensor } from '../../autograd';
import * as F from '../../autograd';
import { InputError } from '../../base/errors';
import { normalisationTable } from '../../base/pixels/normalise';
import { type Augmentation, type Changes, changesOf, mixRows } from '../../data/augment';
import type { Batch } from '../../data/loader';
import type { Device, Storage } from '../../device';
import { notFinite } from '../../formats/weights';
import { type EmotionModel, type Explained, type GradCamTarget, gradCams, observe } from '../../models';
import { argmaxRows } from '../measures/metrics';
import type { TrainArgs } from '../settings/args';
import { type Losses, losses, type Truth } from './objective';

/** What one batch gave, on the CPU. */
export interface BatchResult {
  /** Losses are null where the learner has none; `loss` and `cont` of a model with valence and arousal also for one sample. */
  readonly loss: number | null;
  readonly cat: number | null;
  /** null where the model has no valence and arousal. */
  readonly cont: number | null;
  readonly labels: readonly number[];
  /** The class of the highest score, of each sample: of mixed pictures a hit is their own label, whose part is the larger. */
  readonly predicted: readonly number[];
  /** N x C class scores. */
  readonly logits: Float32Array;
  /** N x 2. */
  readonly va: Float32Array | null;
  /** Its step was refused, being not finite, and changed nothing: told by the last batch of the step. */
  readonly refused: boolean;
}

/** A batch's place among those whose gradients are averaged for one step, and how many they are. */
export interface BatchPlace {
  readonly place: number;
  readonly size: number;
}

/** What every batch of a training leaves: where the gradients of which parameters lie, and the moments of which norms. */
export interface Leavings {
  readonly params: readonly Tensor[];
  /** Of the gradients, in their order. */
  readonly memories: readonly Storage[];
  readonly norms: F.Norms;
}

/** A batch's part in a step of the optimizer that others have parts in: all of it is on the way, each promise waits for the GPU. */
export interface Part {
  readonly result: Promise<BatchResult>;
  /** As they lie in `Leavings.memories`. */
  readonly gradients: Promise<readonly ArrayBuffer[]>;
  /** Of `Leavings.norms`, one's after the other's. */
  readonly moments: Promise<Uint8Array>;
}

/** The parts of a step, come together. */
export interface Gathered {
  /** The sum of the batches' gradients, as in `Leavings.memories`, without gaps. */
  readonly gradients: Float32Array;
  /** Each batch's, in their order. */
  readonly moments: readonly Uint8Array[];
  readonly losses: readonly number[];
}

/** Pictures of a batch, and what is done to them. */
export type Pictures = Pick<Batch, 'images' | keyof Changes>;

/** What a step of a run has besides its batch. */
interface Whole {
  readonly ema?: F.Ema | null;
  /** Whose gradients are averaged for one step. Default 1. */
  readonly batches?: number;
  /** What is done to the pictures. Default: nothing. */
  readonly augment?: Augmentation | null;
  /** Whether it sees features that were computed before. */
  readonly kept?: boolean;
  /** Whether its batches come together from several devices: see `contribute`. */
  readonly together?: boolean;
}

/** A batch that was looked at: its loss, if it has one, what led to it, and how to read all, with a verdict about its step. */
interface Look {
  readonly total: Tensor | null;
  readonly parts: Readonly<Record<string, Tensor | null>>;
  readonly read: (verdict?: Tensor) => Promise<BatchResult>;
}

/** A network with what it needs to see batches of images: training steps, and looks in evaluation mode. */
export class Learner {
  private readonly embedding: Tensor | undefined;
  private readonly classWeights: Tensor | null;
  private readonly table: Tensor;
  /** Of training steps with activations of f16. */
  readonly scaler: F.GradScaler | null;
  /** Refuses training steps that are not finite. */
  readonly guard: F.Guard;
  /** Sees the parts of a training step. */
  watch: <T>(part: string, work: () => T) => T = (_, work) => work();

  /** @throws InputError when the device lacks what `precision` needs. */
  constructor(
    readonly device: Device,
    readonly model: EmotionModel,
    private readonly settings: {
      /** Word vectors of the label graph, (C + 2) x 300, for emotion_gcn. */
      readonly embedding: Float32Array | null;
      /**
       * Weights of the classes and of the valence/arousal loss, and the label smoothing (default 0) of training steps; null: nothing is
       * compared, it only predicts.
       */
      readonly loss: {
        readonly classWeights: Float32Array;
        readonly lambda: number;
        readonly labelSmoothing?: number;
      } | null;
      /** How training steps store activations and their gradients. Default f32. */
      readonly precision?: TrainArgs['precision'];
      /** Largest norm of all gradients of a step. Default 0: any. */
      readonly clipGradNorm?: number;
      /** What follows a training step that is not finite: no other is taken (default), or it is left out. */
      readonly onNan?: TrainArgs['on_nan'];
    },
  ) {
    const { embedding, loss, precision } = settings;
    if (precision === 'f16' && !device.features.has('shader-f16'))
      throw new InputError(
        'this adapter has no f16 (shader-f16), which --precision f16 needs: leave it out, or choose another --gpu',
      );
    this.embedding = embedding
      ? F.tensor(device, embedding, [model.classes + 2, 300], { name: 'embedding' })
      : undefined;
    this.classWeights = loss && F.tensor(device, loss.classWeights, [model.classes], { name: 'class_weights' });
    this.table = F.tensor(device, normalisationTable(model.input), [256, 3], { name: 'normalisation' });
    const options = { stop: settings.onNan !== 'skip' };
    this.scaler = precision === 'f16' ? new F.GradScaler(device, options) : null;
    this.guard = this.scaler ?? new F.Guard(device, options);
  }

  /**
   * Forward, backward and an optimizer step, unless that is refused. Everything is submitted when it returns; the promise waits for
   * the GPU.
   */
  train(batch: Batch, optimizer: F.Optimizer, group: BatchPlace = { place: 0, size: 1 }): Promise<BatchResult> {
    const last = group.place === group.size - 1;
    return F.step(this.device, () => this.learn(batch, optimizer, group).read(last ? this.guard.numbers : undefined));
  }

  private learn(batch: Batch, optimizer: F.Optimizer, group: BatchPlace): Look {
    if (group.place === 0) optimizer.zeroGrad();
    const look = this.watch('forward', () => this.look(batch, true));
    const { total } = look;
    if (!total) throw noLoss();
    this.guard.look(total);
    this.watch('backward', () => F.backward(total, this.upstream(group.size)));
    if (group.place === group.size - 1) this.watch('optimizer', () => this.take(optimizer));
    return look;
  }

  /**
   * Forward and backward of one of `size` batches of a step that is taken elsewhere together, or here by `conclude`: gradients and moments
   * are read, and forgotten. Everything is submitted when it returns.
   */
  contribute(batch: Batch, optimizer: F.Optimizer, size: number): Part {
    const { device } = this;
    return F.step(device, () => {
      const { result, memories, moments } = this.part(batch, optimizer, size);
      const read = device.readAll([...memories, ...moments]);
      return {
        result: result(),
        gradients: read.then((all) => all.slice(0, memories.length)),
        moments: read.then((all) => joinBytes(all.slice(memories.length))),
      };
    });
  }

  private part(batch: Batch, optimizer: F.Optimizer, size: number) {
    optimizer.zeroGrad();
    const { total, read } = this.watch('forward', () => this.look(batch, true));
    if (!total) throw noLoss();
    this.watch('backward', () => F.backward(total, this.upstream(size)));
    const { memories: moments, norms } = F.collectMoments(this.device);
    return { result: () => read(), moments, norms, ...optimizer.gradients() };
  }

  /** What `contribute` reads of a batch of `n` images, found without computing. */
  leavingsOf(n: number, size: number, optimizer: F.Optimizer, whole: Whole = {}): Leavings {
    const batch = this.blank(n, size, whole);
    let found: Leavings | null = null;
    this.device.dryRun(() =>
      F.step(this.device, () => {
        const { params, memories, norms } = this.part(batch, optimizer, 1);
        found = { params, memories, norms };
      }),
    );
    return found as unknown as Leavings;
  }

  /**
   * The optimizer's step with what the batches' parts have come to, unless that is refused; as after `train` with the last of them.
   * Everything is submitted when it returns.
   * @returns whether it was refused, once the GPU is there
   */
  conclude({ params, memories, norms }: Leavings, parts: Gathered, optimizer: F.Optimizer): Promise<boolean> {
    const { device, guard } = this;
    return F.step(device, () => {
      let at = 0;
      for (const memory of memories) {
        const length = memory.bytes / 4;
        device.upload(memory, parts.gradients.subarray(at, at + length));
        at += length;
      }
      optimizer.gradientsWritten(params);
      // One that is not finite refuses the step, whichever.
      const loss = parts.losses.find((v) => !Number.isFinite(v)) ?? 0;
      guard.look(F.tensor(device, [loss], [1]));
      for (const bytes of parts.moments) F.bringMoments(device, norms, bytes);
      this.watch('optimizer', () => this.take(optimizer));
      return guard.numbers.data().then(F.refusedBy);
    });
  }

  /** A step of the optimizer, with gradients clipped as the settings say. */
  private take(optimizer: F.Optimizer): void {
    const { clipGradNorm = 0 } = this.settings;
    if (clipGradNorm > 0) F.clipGradNorm(optimizer.params, clipGradNorm, this.guard);
    optimizer.step(this.guard);
  }

  /** The gradient of a loss that is one of `size` to be averaged, times the loss scale; undefined: 1. */
  private upstream(size: number): Tensor | undefined {
    if (size === 1) return this.scaler?.scale;
    const share = F.tensor(this.device, [1 / size], [1]);
    return this.scaler ? F.mul(this.scaler.scale, share) : share;
  }

  /**
   * The first tensor of a step on these batches that is not finite, as `features.conv0 is NaN at [0, 3, 1, 2]`: activations in the order
   * of the forward pass, losses, gradients in the order of the backward pass, then those of the parameters; null: all are finite.
   * The step is gone through again, and not taken: nothing changes but the gradients.
   */
  async firstNotFinite(batches: readonly Batch[], optimizer: F.Optimizer): Promise<string | null> {
    const finder = new F.FirstNotFinite(this.device);
    this.inspect(batches, optimizer, (_, t) => finder.see(t));
    const place = await finder.place();
    if (place === null) return null;
    // Once more, to read that one alone.
    let seen = 0;
    const found: { name: string; shape: readonly number[]; numbers: Promise<Float32Array> }[] = [];
    this.inspect(batches, optimizer, (name, t) => {
      if (seen++ === place) found.push({ name, shape: t.shape, numbers: t.data() });
    });
    const [{ name, shape, numbers }] = found;
    return `${name} is ${notFinite({ shape, data: await numbers })}`;
  }

  /** Shows every tensor of a step on these batches to `see`, as it is made. */
  private inspect(batches: readonly Batch[], optimizer: F.Optimizer, see: (name: string, t: Tensor) => void): void {
    const { device, model } = this;
    const names = new Map([...model.namedModules()].map(([name, module]) => [module, name || 'network']));
    optimizer.zeroGrad();
    for (const batch of batches)
      F.step(device, () => {
        const { total, parts } = observe(
          (module, output) => {
            const name = names.get(module) as string;
            see(name, output);
            output.onGrad((grad) => see(`the gradient of ${name}`, grad));
          },
          () => this.look(batch, true),
        );
        for (const [name, part] of Object.entries(parts)) if (part) see(name, part);
        if (total) F.backward(total, this.upstream(batches.length));
      });
    for (const [name, { grad }] of model.namedParameters()) if (grad) see(`the gradient of ${name}`, grad);
    F.dropMoments(device);
    device.flush();
  }

  /**
   * The gradients of the last step as it took them (without the loss scale, clipped), by their parameters' names, until the next
   * batch: none where there was no step, or it changed nothing.
   */
  async gradients(): Promise<Map<string, Float32Array>> {
    const named = [...this.model.namedParameters()].flatMap(([name, { grad }]) => (grad ? [{ name, grad }] : []));
    const [numbers, ...grads] = await F.readAll([this.guard.numbers, ...named.map(({ grad }) => grad)]);
    const factor = F.factorOf(numbers);
    if (factor === 0) return new Map();
    return new Map(named.map(({ name }, i) => [name, factor === 1 ? grads[i] : grads[i].map((g) => factor * g)]));
  }

  /**
   * Losses and predictions of a training step that is not taken: with the batch's statistics and nothing moved by them.
   * @param gradients leaves the loss's gradients in the parameters, in place of what was there
   */
  rehearse(batch: Batch, gradients: boolean): Promise<BatchResult> {
    const { device, model } = this;
    return F.step(device, () => {
      const run = (): Promise<BatchResult> => {
        const { total, read } = this.look(batch, true);
        if (gradients && total) F.backward(total);
        F.dropMoments(device);
        return read();
      };
      if (!gradients) return F.noGrad(run);
      for (const p of model.parameters()) p.value.dropGrad();
      return run();
    });
  }

  /** Losses and predictions in evaluation mode. */
  evaluate(batch: Batch): Promise<BatchResult> {
    return F.step(this.device, () => F.noGrad(() => this.look(batch, false).read()));
  }

  /**
   * The most device memory that a step of the optimizer on `batches` batches of `n` images (with valence and arousal two or more) of a
   * size takes, found without computing: all of the step is gone through.
   */
  memoryOfTraining(n: number, size: number, optimizer: F.Optimizer, whole: Whole = {}): number {
    const { ema = null, batches = 1, kept = false, together = false } = whole;
    const batch = this.blank(n, size, whole);
    return this.device.dryRun(() => {
      if (kept) F.step(this.device, () => void this.backbone(batch));
      if (together) {
        const { params, memories, norms } = F.step(this.device, () => this.part(batch, optimizer, batches));
        const moments = Array.from({ length: batches }, () => new Uint8Array());
        const parts = { gradients: new Float32Array(), moments, losses: [] };
        // There is nothing to read.
        this.conclude({ params, memories, norms }, parts, optimizer).catch(() => {});
      } else
        for (let place = 0; place < batches; place++)
          F.step(this.device, () => void this.learn(batch, optimizer, { place, size: batches }));
      ema?.update(0, this.guard);
    });
  }

  private blank(n: number, size: number, { augment = null, kept = false }: Whole): Batch {
    const rows = new Uint32Array(n);
    return {
      images: new Uint8Array(n * size * size * 3),
      features: kept ? new Float32Array(n * this.model.width) : null,
      ...changesOf(augment, rows, size, { seed: 0, epoch: 0, step: 0 }),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows,
    };
  }

  /** What a batch's scores are compared with: pictures that are mixed have two labels, and the mean of valence and arousal by their parts. */
  private truthOf({ labels, va, share = null }: Batch): Truth {
    const { device, model } = this;
    const classes = (of: Uint32Array): Tensor => F.labels(device, of, model.classes);
    const part = (of: number): Tensor => F.tensor(device, [of], [1]);
    const mixed = share === null ? va : mixRows(va, 2, share);
    return {
      labels: classes(labels),
      va: F.tensor(device, mixed, [labels.length, 2], { name: 'va' }),
      mix:
        share === null
          ? null
          : { labels: classes(labels.slice().reverse()), share: part(share), rest: part(1 - share) },
    };
  }

  private images(pictures: Pictures, dtype?: TrainArgs['precision']): Tensor {
    const n = pictures.flip.length;
    const size = Math.sqrt(pictures.images.length / 3 / n);
    const { order } = this.model.input;
    return F.affineImage(this.device, { ...pictures, n, h: size, w: size }, this.table, { dtype, order });
  }

  /** What a frozen backbone makes of pictures, N x width; the promise waits for the GPU. */
  features(pictures: Pictures): Promise<Float32Array> {
    return F.step(this.device, () => this.backbone(pictures).data());
  }

  /** One picture, and what in it raises scores: see `gradCams`; the promise waits for the GPU. */
  explain(picture: Pictures, targets: readonly GradCamTarget[]): Promise<Explained> {
    const image = this.images(picture);
    const explained = gradCams(this.model, image, targets, this.embedding);
    this.device.free(image.storage);
    return explained;
  }

  private backbone(pictures: Pictures): Tensor {
    return F.noGrad(() => this.model.features(this.images(pictures)));
  }

  private look(batch: Batch, training: boolean): Look {
    const { device, embedding, model, classWeights } = this;
    const { features, labels } = batch;
    model.train(training);
    const prediction = features
      ? model.heads(F.tensor(device, features, [labels.length, model.width], { name: 'features' }), embedding)
      : model.forward(this.images(batch, training ? this.settings.precision : 'f32'), embedding);
    const compare = (weight: Tensor): Losses => {
      const { lambda = 1, labelSmoothing = 0 } = this.settings.loss ?? {};
      const objective = { weight, lambda, labelSmoothing: training ? labelSmoothing : 0 };
      return losses(prediction, this.truthOf(batch), objective);
    };
    const { total, cat, cont } = classWeights ? compare(classWeights) : { total: null, cat: null, cont: null };
    const scores = prediction.logits.detach();
    const parts = {
      logits: scores,
      va: prediction.va?.detach() ?? null,
      cat,
      cont,
      loss: total,
    };
    const read = async (verdict: Tensor | null = null): Promise<BatchResult> => {
      const wanted = [...Object.values(parts), verdict];
      const numbers = await F.readAll(wanted.filter((part) => part !== null));
      const [logits, va, ...sums] = wanted.map((part) => part && (numbers.shift() as Float32Array));
      const [catOf, contOf, lossOf] = sums.map((sum) => (sum ? sum[0] : null));
      return {
        loss: lossOf,
        cat: catOf,
        cont: contOf,
        labels: Array.from(batch.labels),
        predicted: [...argmaxRows(logits as Float32Array, model.classes)],
        logits: logits as Float32Array,
        va,
        refused: sums[3] !== null && F.refusedBy(sums[3]),
      };
    };
    return { total, parts, read };
  }
}

const noLoss = (): InputError =>
  new InputError('a training step needs a loss, and with valence and arousal two samples or more');

function joinBytes(buffers: readonly ArrayBuffer[]): Uint8Array {
  const all = new Uint8Array(buffers.reduce((n, { byteLength }) => n + byteLength, 0));
  let at = 0;
  for (const buffer of buffers) {
    all.set(new Uint8Array(buffer), at);
    at += buffer.byteLength;
  }
  return all;
}
