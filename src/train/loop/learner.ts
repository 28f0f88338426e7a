import type { Tensor } from '../../autograd';
import * as F from '../../autograd';
import { InputError } from '../../base/errors';
import type { Batch } from '../../data/loader';
import { normalisationTable } from '../../data/normalise';
import type { Device } from '../../device';
import type { EmotionModel } from '../../models';
import { argmaxRows } from '../measures/metrics';
import type { TrainArgs } from '../settings/args';
import { type Losses, losses } from './objective';

/** What one batch gave, on the CPU. */
export interface BatchResult {
  /** Losses are null where the learner has none; `loss` and `cont` of a model with valence and arousal also for one sample. */
  readonly loss: number | null;
  readonly cat: number | null;
  /** null where the model has no valence and arousal. */
  readonly cont: number | null;
  readonly labels: readonly number[];
  /** The class of the highest score, of each sample. */
  readonly predicted: readonly number[];
  /** N x C class scores. */
  readonly logits: Float32Array;
  /** N x 2. */
  readonly va: Float32Array | null;
}

/** A batch's place among those whose gradients are averaged for one step, and how many they are. */
export interface BatchPlace {
  readonly place: number;
  readonly size: number;
}

/** What a step of a run has besides its batch. */
interface Whole {
  readonly ema?: F.Ema | null;
  /** Whose gradients are averaged for one step. Default 1. */
  readonly batches?: number;
}

/** A batch that was looked at: its loss, if it has one, and how to read all. */
interface Look {
  readonly total: Tensor | null;
  readonly read: () => Promise<BatchResult>;
}

/** A network with what it needs to see batches of images: training steps, and looks in evaluation mode. */
export class Learner {
  private readonly embedding: Tensor | undefined;
  private readonly classWeights: Tensor | null;
  private readonly table: Tensor;
  /** Of training steps with activations of f16. */
  readonly scaler: F.GradScaler | null;
  /** Sees the parts of a training step. */
  watch: <T>(part: string, work: () => T) => T = (_, work) => work();

  /** @throws InputError when the device lacks what `precision` needs. */
  constructor(
    readonly device: Device,
    readonly model: EmotionModel,
    private readonly settings: {
      /** Word vectors of the label graph, (C + 2) x 300, for emotion_gcn. */
      readonly embedding: Float32Array | null;
      /** Weights of the classes and of the valence/arousal loss; null: nothing is compared, it only predicts. */
      readonly loss: { readonly classWeights: Float32Array; readonly lambda: number } | null;
      /** How training steps store activations and their gradients. Default f32. */
      readonly precision?: TrainArgs['precision'];
      /** Largest norm of all gradients of a step. Default 0: any. */
      readonly clipGradNorm?: number;
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
    this.table = F.tensor(device, normalisationTable(), [256, 3], { name: 'normalisation' });
    this.scaler = precision === 'f16' ? new F.GradScaler(device) : null;
  }

  /**
   * Forward, backward and an optimizer step. Everything is submitted when it returns; the promise waits for the GPU.
   */
  train(batch: Batch, optimizer: F.Optimizer, group: BatchPlace = { place: 0, size: 1 }): Promise<BatchResult> {
    return F.step(this.device, () => this.learn(batch, optimizer, group).read());
  }

  private learn(batch: Batch, optimizer: F.Optimizer, group: BatchPlace): Look {
    if (group.place === 0) optimizer.zeroGrad();
    const look = this.watch('forward', () => this.look(batch, true));
    const { total } = look;
    if (!total) throw new InputError('a training step needs a loss, and with valence and arousal two samples or more');
    this.watch('backward', () => F.backward(total, this.upstream(group.size)));
    if (group.place === group.size - 1) this.watch('optimizer', () => this.take(optimizer));
    return look;
  }

  /** A step of the optimizer, with gradients clipped as the settings say. */
  private take(optimizer: F.Optimizer): void {
    const { scaler } = this;
    const { clipGradNorm = 0 } = this.settings;
    if (clipGradNorm > 0) F.clipGradNorm(optimizer.params, clipGradNorm, scaler);
    optimizer.step(scaler);
  }

  /** The gradient of a loss that is one of `size` to be averaged, times the loss scale; undefined: 1. */
  private upstream(size: number): Tensor | undefined {
    if (size === 1) return this.scaler?.scale;
    const share = F.tensor(this.device, [1 / size], [1]);
    return this.scaler ? F.mul(this.scaler.scale, share) : share;
  }

  /** Losses and predictions in evaluation mode. */
  evaluate(batch: Batch): Promise<BatchResult> {
    return F.step(this.device, () => F.noGrad(() => this.look(batch, false).read()));
  }

  /**
   * The most device memory that a step of the optimizer on `batches` batches of `n` images (with valence and arousal two or more) of a
   * size takes, found without computing: all of the step is gone through.
   */
  memoryOfTraining(n: number, size: number, optimizer: F.Optimizer, { ema = null, batches = 1 }: Whole = {}): number {
    const batch: Batch = {
      images: new Uint8Array(n * size * size * 3),
      affine: new Int32Array(n * 6),
      flip: new Uint32Array(n),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows: new Uint32Array(n),
    };
    return this.device.dryRun(() => {
      for (let place = 0; place < batches; place++)
        F.step(this.device, () => void this.learn(batch, optimizer, { place, size: batches }));
      ema?.update(0);
    });
  }

  private look(batch: Batch, training: boolean): Look {
    const { device, model, classWeights } = this;
    const n = batch.labels.length;
    const size = Math.sqrt(batch.images.length / 3 / n);
    const x = F.affineImage(
      device,
      { ...batch, n, h: size, w: size },
      this.table,
      training ? this.settings.precision : 'f32',
    );
    const prediction = model.train(training).forward(x, this.embedding);
    const compare = (weights: Tensor): Losses => {
      const labels = F.labels(device, batch.labels, model.classes);
      const truth = F.tensor(device, batch.va, [n, 2], { name: 'va' });
      return losses(prediction, labels, truth, weights, this.settings.loss?.lambda ?? 1);
    };
    const { total, cat, cont } = classWeights ? compare(classWeights) : { total: null, cat: null, cont: null };
    const scores = prediction.logits.detach();
    const parts = [prediction.va?.detach() ?? null, total, cat, cont];
    const read = async (): Promise<BatchResult> => {
      const [logits, ...rest] = await F.readAll([scores, ...parts.filter((part) => part !== null)]);
      const [va, ...sums] = parts.map((part) => part && (rest.shift() as Float32Array));
      const [lossOf, catOf, contOf] = sums.map((sum) => (sum ? sum[0] : null));
      return {
        loss: lossOf,
        cat: catOf,
        cont: contOf,
        labels: Array.from(batch.labels),
        predicted: [...argmaxRows(logits, model.classes)],
        logits,
        va,
      };
    };
    return { total, read };
  }
}
