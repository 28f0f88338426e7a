// What a caller of the ONNX file must know: NAME.json, beside it.
import { readFileSync } from 'node:fs';
import { inputOf, MODELS } from '../../models';
import type { ExportSource } from './source';

/** The JSON beside an ONNX file: how its input is made of a picture, and what its outputs mean. */
export interface OnnxNotes {
  readonly model: string;
  readonly network: string;
  /** The last epoch, from 1, that the weights have seen. */
  readonly epoch: number;
  readonly face: string;
  readonly input: {
    readonly name: 'images';
    readonly type: 'float32';
    /** N: batch, C: channels, H, W: rows and columns. */
    readonly layout: 'NCHW';
    readonly shape: readonly (string | number)[];
    /** In pixels, both ways. */
    readonly size: number;
    /** Their order: R, G, B or B, G, R. */
    readonly channels: readonly string[];
    /** Of channel c: (byte * scale - mean[c]) / std[c]. */
    readonly formula: string;
    readonly scale: number;
    readonly mean: readonly number[];
    readonly std: readonly number[];
  };
  /** In the order of the scores. */
  readonly classes: readonly string[];
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly (string | number)[];
    readonly meaning: string;
  }[];
}

export function onnxNotes({ args, epoch }: Pick<ExportSource, 'args' | 'epoch'>): OnnxNotes {
  const { model, network, image_size: size, classes, align } = args;
  const { order, mean, std, scale } = inputOf(network);
  const logits = {
    name: 'logits',
    shape: ['N', classes.length],
    meaning: 'a score of each class, in the order of classes: the largest is the class, softmax gives probabilities',
  };
  const va = {
    name: 'valence_arousal',
    shape: ['N', 2],
    meaning: 'valence (unpleasant -1 to pleasant 1), then arousal (calm -1 to excited 1)',
  };
  return {
    model,
    network,
    epoch: epoch + 1,
    face: align
      ? 'the square box of the face, turned so that the eyes are level, resized; learnt so'
      : 'the whole picture, resized; learnt so',
    input: {
      name: 'images',
      type: 'float32',
      layout: 'NCHW',
      shape: ['N', 3, size, size],
      size,
      channels: [...order.toUpperCase()],
      formula: 'channel c: (byte * scale - mean[c]) / std[c]',
      scale,
      mean,
      std,
    },
    classes,
    outputs: model === 'single_task' ? [logits] : [logits, va],
  };
}

/** Whether a file is such a JSON. */
export function isOnnxNotes(file: string): boolean {
  try {
    const { model, input, classes, outputs } = JSON.parse(readFileSync(file, 'utf8'));
    return MODELS.includes(model) && input.layout === 'NCHW' && Array.isArray(classes) && Array.isArray(outputs);
  } catch {
    return false;
  }
}
