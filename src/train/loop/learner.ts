import type { Tensor } from '../../autograd';
import * as F from '../../autograd';
import { InputError } from '../../base/errors';
import type { Batch } from '../../data/loader';
import { normalisationTable } from '../../data/normalise';
import type { Device } from '../../device';
import type { EmotionModel } from '../../models';
import type { TrainArgs } from '../settings/args';
import { losses } from './objective';

/** What one batch gave, on the CPU. */
export interface BatchResult {
  readonly loss: number;
  readonly cat: number;
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

/** A network with what it needs to see batches of images: training steps, and looks in evaluation mode. */
export class Learner {
  private readonly embedding: Tensor | undefined;
  private readonly classWeights: Tensor;
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
      readonly classWeights: Float32Array;
      readonly lambda: number;
      /** How training steps store activations and their gradients. Default f32. */
      readonly precision?: TrainArgs['precision'];
    },
  ) {
    const { embedding, classWeights, precision } = settings;
    if (precision === 'f16' && !device.features.has('shader-f16'))
      throw new InputError(
        'this adapter has no f16 (shader-f16), which --precision f16 needs: leave it out, or choose another --gpu',
      );
    this.embedding = embedding
      ? F.tensor(device, embedding, [model.classes + 2, 300], { name: 'embedding' })
      : undefined;
    this.classWeights = F.tensor(device, classWeights, [model.classes], { name: 'class_weights' });
    this.table = F.tensor(device, normalisationTable(), [256, 3], { name: 'normalisation' });
    this.scaler = precision === 'f16' ? new F.GradScaler(device) : null;
  }

  /**
   * Forward, backward and an optimizer step. Everything is submitted when it returns; the promise waits for the GPU.
   * @param group the batch's place among those whose gradients are averaged for one step, and how many they are
   */
  train(batch: Batch, optimizer: F.Optimizer, group = { place: 0, size: 1 }): Promise<BatchResult> {
    return F.step(this.device, () => {
      if (group.place === 0) optimizer.zeroGrad();
      const { read, total } = this.watch('forward', () => this.look(batch, true));
      this.watch('backward', () => F.backward(total, this.upstream(group.size)));
      if (group.place === group.size - 1) this.watch('optimizer', () => optimizer.step(this.scaler));
      return read();
    });
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

  /** The most device memory that a training step on a batch of `n` images of a size takes, found without computing. */
  memoryOfTraining(n: number, size: number): number {
    const batch: Batch = {
      images: new Uint8Array(n * size * size * 3),
      affine: new Int32Array(n * 6),
      flip: new Uint32Array(n),
      labels: new Uint32Array(n),
      va: new Float32Array(n * 2),
      rows: new Uint32Array(n),
    };
    const bytes = this.device.dryRun(() => F.backward(this.look(batch, true).total));
    for (const p of this.model.parameters()) p.value.dropGrad();
    return bytes;
  }

  private look(batch: Batch, training: boolean): { total: Tensor; read: () => Promise<BatchResult> } {
    const { device, model } = this;
    const n = batch.labels.length;
    const size = Math.sqrt(batch.images.length / 3 / n);
    const x = F.affineImage(
      device,
      { ...batch, n, h: size, w: size },
      this.table,
      training ? this.settings.precision : 'f32',
    );
    const prediction = model.train(training).forward(x, this.embedding);
    const labels = F.labels(device, batch.labels, model.classes);
    const truth = F.tensor(device, batch.va, [n, 2], { name: 'va' });
    const { total, cat, cont } = losses(prediction, labels, truth, this.classWeights, this.settings.lambda);
    const logits = prediction.logits.detach();
    const va = prediction.va?.detach();
    return {
      total,
      read: async () => result(batch, await F.readAll([total, cat, logits, ...(cont && va ? [cont, va] : [])])),
    };
  }
}

function result(batch: Batch, [total, cat, logits, cont, va]: Float32Array[]): BatchResult {
  const n = batch.labels.length;
  const classes = logits.length / n;
  const predicted = Array.from({ length: n }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
  return {
    loss: total[0],
    cat: cat[0],
    cont: cont ? cont[0] : null,
    labels: Array.from(batch.labels),
    predicted,
    logits,
    va: va ?? null,
  };
}
