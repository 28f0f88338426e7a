// Single pictures, and runs.
import { InputError } from '../../base/errors';
import { decodeImage, ImageError, readPicture } from '../../data';
import { readRun } from '../run/read_run';
import type { Inspection } from './inspection';

export async function inspectImage(file: string): Promise<Inspection> {
  try {
    const { width, height, data } = await decodeImage(await readPicture(file));
    const mean = (c: number): string => {
      let sum = 0;
      for (let i = c; i < data.length; i += 3) sum += data[i];
      return ((3 * sum) / data.length).toFixed(1);
    };
    return { kind: 'image', facts: { width, height, 'mean red, green, blue': [0, 1, 2].map(mean).join(', ') } };
  } catch (error) {
    throw error instanceof ImageError ? new InputError(`${file}: ${error.message}`) : error;
  }
}

export async function inspectRun(dir: string): Promise<Inspection> {
  const { args, rows, metrics } = readRun(dir);
  const { model, network, dataset, image_size, classes, epochs } = args;
  return {
    kind: 'run',
    facts: {
      model,
      network,
      dataset,
      image_size,
      classes: classes.join(', '),
      epochs: `${rows.length} of ${epochs}`,
      ...(metrics && {
        'best epoch': metrics.best_epoch,
        accuracy: metrics.accuracy.toFixed(4),
        'macro F1': metrics.macro_f1.toFixed(4),
      }),
    },
    table: [
      ['epoch', 'train loss', 'val loss', 'val accuracy'],
      ...rows.map((r) =>
        [r.epoch, r.train_loss.toFixed(4), r.val_loss?.toFixed(4) ?? '', r.val_accuracy.toFixed(4)].map(String),
      ),
    ],
  };
}
