// Run folders by hand: every file that the page is told of, as a run writes it.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeAdjacency, nodesOf } from '../../src/data';
import { computeMetrics } from '../../src/train/measures/metrics';
import { formatResults } from '../../src/train/run/results';
import { formatStep, STEPS_HEADER } from '../../src/train/run/steps';
import { toJson } from '../../src/train/run/write';

export const CLASSES = ['Calm', 'Cross'];

/** A line of steps.csv. */
export const step = (n: number, loss = 1 / n): string =>
  formatStep({ step: n, epoch: Math.ceil(n / 10), loss, cat: loss, cont: null, accuracy: 0.5, lr: 0.1 });

const spread = { from: -1, to: 1, mean: 0, std: 0.5, counts: [1, 2, 1] };

/** A line of layers.jsonl. */
export const layersLine = (epoch: number): string =>
  `${JSON.stringify({
    epoch,
    layers: [{ name: 'conv0', weights: spread, gradients: null, gradient_norm: null, activations: spread, dead: 0 }],
    contributions: new Array(16).fill(epoch),
  })}\n`;

/** A run of two epochs and twenty steps, with two faces. @param images what predictions.csv calls them */
export function makeFolder(dir: string, images: readonly string[] = ['a.jpg', 'b.jpg'], imageDir = dir): void {
  mkdirSync(dir, { recursive: true });
  const write = (name: string, text: string | Uint8Array): void => writeFileSync(join(dir, name), text);
  write(
    'args.json',
    toJson({ model: 'emotion_gcn', image_dir: imageDir, data: 'none.csv', classes: CLASSES, lr: 0.1 }),
  );
  write('manifest.json', toJson({ seed: 0 }));
  const row = {
    ...{
      lr: 0.1,
      train_loss: 1,
      train_cat: 1,
      train_cont: null,
      train_accuracy: 0.5,
      val_loss: Number.NaN,
      val_cat: 1,
    },
    ...{ val_cont: null, val_accuracy: 0.5, val_ccc_valence: null, val_ccc_arousal: null, seconds: 1, skipped: 0 },
  };
  write('results.csv', formatResults([1, 2].map((epoch) => ({ ...row, epoch }))));
  write('steps.csv', STEPS_HEADER + Array.from({ length: 20 }, (_, i) => step(i + 1)).join(''));
  const labels = images.map((_, i) => i % 2);
  const metrics = computeMetrics({ classes: CLASSES, labels, predicted: labels.map(() => 0) });
  write('metrics.json', toJson({ ...metrics, best_epoch: 2 }));
  const rows = images.map(
    (image, i) => `"${image.replaceAll('"', '""')}",${CLASSES[i % 2]},Calm,,,,,0.75,${i % 2 ? 0.25 : 0.75}\n`,
  );
  const columns =
    'image,expression,predicted,valence,arousal,predicted_valence,predicted_arousal,confidence,likelihood\n';
  write('predictions.csv', columns + rows.join(''));
  const A = new Float64Array(16).fill(0.25);
  write('adj.safetensors', encodeAdjacency({ A, adj: A }, nodesOf(CLASSES)));
  write('layers.jsonl', [0, 1, 2].map(layersLine).join(''));
  const op = { op: 'conv2d', launches: 4, milliseconds: 2, share: 1, gflops: null, gbps: 3 };
  write('profile.json', toJson({ epoch: 1, steps: [1, 2], ops: [op] }));
  write('run.log', '2026-11-29T12:00:00.000Z one\n2026-11-29T12:00:01.000Z two\n');
}
