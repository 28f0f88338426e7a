import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import type { Metrics } from '../train/measures/metrics';
import { takenNames } from '../train/run/files';
import { readTrainArgs, TRAIN_SETTINGS } from '../train/settings/args';
import { readSettings, type Settings, text, whole } from '../train/settings/settings';
import type { PageBeside } from '../ui/beside';
import { decimal, duration, formatTable, percent, shellPath } from './format';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { printResult } from './terminal';
import { trainVisibly } from './train';
import { addUi, openUi } from './ui';

/**
 * Faces that are drawn, and how the network learns from them: found by trying, for two CPU cores. Valence and arousal share the graph
 * with classes whose scores are ten times as large, and CCC's gradient fades as their spread grows: short word vectors and clipped
 * gradients keep the first steps small.
 */
const FACES = 560;
const SIDE = 144;
/** Length of the made-up word vectors, as a share of `--emb random`'s. */
const WORDS = 0.5;
const RECIPE = {
  network: 'densenet',
  model: 'emotion_gcn',
  image_size: 96,
  batch_size: 8,
  lr: 0.004,
  clip_grad_norm: 20,
  // Classes, valence and arousal are all of interest.
  best: 'loss',
  schedule: 'cosine',
  // So few passes over so few faces learn more from upright ones.
  augment: false,
  class_weights: 'none',
  workers: 2,
} as const;

interface DemoSettings {
  out: string;
  faces: number;
  epochs: number;
  seed: number;
  gpu: string | null;
}

const SETTINGS: Settings<DemoSettings> = {
  out: {
    kind: text('DIR', 'the path of a folder'),
    default: join('runs', 'demo'),
    help: 'run folder; if it holds a run already, DIR-2, DIR-3, ...',
  },
  faces: {
    kind: whole(28, 100_000),
    default: FACES,
    help: 'faces to learn from; a quarter more are drawn to be tested on',
  },
  epochs: { kind: whole(1), default: 4, help: 'times that each face is seen' },
  seed: TRAIN_SETTINGS.seed,
  gpu: TRAIN_SETTINGS.gpu,
};

const EXAMPLE = `
Example:
  emotion-gcn demo`;

/** `emotion-gcn demo` */
export const demoCommand = (): Command =>
  addUi(
    addProgress(
      addSettings(
        new Command('demo').description('draw faces, train Emotion-GCN on them, show that it learnt'),
        SETTINGS,
      ),
    ),
  )
    .addHelpText('after', EXAMPLE)
    .action(async ({ ui, ...options }: Record<string, unknown>) => {
      const settings = readSettings(SETTINGS, options);
      await demo(freeFolder(settings.out), settings, await openUi(ui as string | true | undefined));
    });

async function demo(
  folder: string,
  { faces: n, epochs, seed, gpu }: DemoSettings,
  page: PageBeside | null,
): Promise<void> {
  const start = performance.now();
  const faces = join(folder, 'faces');
  const { writeSyntheticSet } = await import('../data/synthetic/synthetic');
  const drawing = new ProgressView('drawing faces');
  const set = { out: faces, n, validation: Math.round(n / 4), size: SIDE, seed };
  const drawn = await stoppable(
    (signal) =>
      writeSyntheticSet({
        ...set,
        onProgress: (done, total) => {
          signal.throwIfAborted();
          drawing.onPrepare(done, total);
        },
      }),
    () => drawing.onNotice('stopping'),
  ).finally(() => drawing.stop());
  if (!drawn) return;
  const { training, validation } = drawn;

  const { encodeEmbedding, randomEmbedding } = await import('../data/embedding');
  const emb = join(faces, 'words.safetensors');
  await writeFile(emb, encodeEmbedding(randomEmbedding().map((v) => v * WORDS)));
  const files = { image_dir: faces, data: training, val_data: validation, emb, saved_model: folder };
  const warmup = Math.min(30, Math.floor((epochs * n) / RECIPE.batch_size / 4));
  let before: Metrics | undefined;
  const onBefore = (metrics: Metrics): void => {
    before = metrics;
  };
  const args = readTrainArgs({ ...RECIPE, ...files, epochs, warmup, seed, gpu });
  const outcome = await trainVisibly(args, { hooks: { onBefore } }, page);
  if (outcome?.status !== 'finished') return;
  const seconds = (performance.now() - start) / 1000;
  const { metrics } = outcome;
  printResult(report(folder, before, metrics, seconds), { saved_model: folder, seconds, before, ...metrics });
}

/** What has been learnt, beside chance: of K classes 1/K are right by guessing, and a guess correlates with nothing. */
function report(folder: string, before: Metrics | undefined, after: Metrics, seconds: number): string {
  const line = (name: string, chance: string, show: (m: Metrics) => string) => [
    name,
    before ? show(before) : '-',
    show(after),
    chance,
  ];
  const table = formatTable([
    [`on ${after.samples} faces it has not seen`, 'before', 'after', 'chance'],
    line('accuracy', percent(1 / after.classes.length), (m) => percent(m.accuracy)),
    line('macro F1', '', (m) => decimal(m.macro_f1)),
    line('CCC valence', '0.000', (m) => decimal(m.ccc_valence)),
    line('CCC arousal', '0.000', (m) => decimal(m.ccc_arousal)),
  ]);
  const near = (...names: string[]) => shellPath(join(folder, ...names));
  const face = near('faces', 'images', 'validation', '00000.jpg');
  const files = [
    ['report.html', 'all that there is to see, in one page'],
    ['results.png', 'curves'],
    ['confusion_matrix.png', 'what is taken for what'],
    ['results.csv', 'a row an epoch'],
    ['metrics.json', 'these figures and more'],
    [join('weights', 'best.safetensors'), "the trained network, under PyTorch's names"],
    ['faces', 'the faces'],
  ].map(([name, what]) => [near(name), what]);
  return [
    `\nEmotion-GCN (DenseNet-121) after ${duration(seconds)}:\n`,
    table,
    '\nwritten:',
    ...files.map(([path, what]) => `  ${path.padEnd(Math.max(...files.map((f) => f[0].length)))}  ${what}`),
    `\ntry it: npx emotion-gcn predict --faces none --saved_model ${near()} ${face}`,
  ].join('\n');
}

function freeFolder(out: string): string {
  for (let i = 1; ; i++) {
    const folder = i === 1 ? out : `${out}-${i}`;
    if (takenNames(folder).length === 0) return folder;
  }
}
