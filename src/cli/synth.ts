import { Command } from 'commander';
import { DATASETS, type Dataset } from '../data/labels';
import { choice, orNone, readSettings, type Settings, text, whole } from '../train/settings/settings';
import { ProgressView } from './progress';
import { addSettings } from './settings_options';
import { print } from './terminal';

interface SynthSettings {
  out: string;
  n: number;
  validation: number | null;
  seed: number;
  size: number | null;
  dataset: Dataset;
}

const SETTINGS: Settings<SynthSettings> = {
  out: { kind: text('DIR', 'the path of a folder'), help: 'folder to write: new, empty, or an older synthetic set' },
  n: { kind: whole(1), default: 700, help: 'faces for training' },
  validation: { kind: orNone(whole(1)), default: null, help: 'faces for validation; default: a quarter of --n' },
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'another seed draws other faces' },
  size: {
    kind: orNone(whole(32, 2048)),
    default: null,
    help: 'side of the pictures in pixels; default: 144, or 112 for affwild2',
  },
  dataset: {
    kind: choice(...DATASETS),
    default: 'affectnet',
    help: 'layout: affectnet (pictures and two CSV files) or affwild2 (frames of videos and their text files)',
  },
};

const EXAMPLE = `
Example:
  emotion-gcn synth --out faces --n 700
  emotion-gcn train --image_dir faces --data faces/training.csv --val_data faces/validation.csv --emb random \\
    --image_size 112 --saved_model run1
  emotion-gcn synth --dataset affwild2 --out videos --n 700
  emotion-gcn train --dataset affwild2 --data videos/annotations --image_dir videos/videos --emb random --saved_model run2`;

/** `emotion-gcn synth` */
export const synthCommand = (): Command =>
  addSettings(new Command('synth').description('draw a set of faces in the layout of AffectNet or Aff-Wild2'), SETTINGS)
    .addHelpText('after', EXAMPLE)
    .action(async (options: Record<string, unknown>) => {
      const { validation, size, dataset, ...settings } = readSettings(SETTINGS, options);
      const { writeSyntheticSet } = await import('../data/synthetic');
      const { writeSyntheticVideos } = await import('../data/synthetic_videos');
      const view = new ProgressView('drawing faces');
      try {
        const files = await (dataset === 'affectnet' ? writeSyntheticSet : writeSyntheticVideos)({
          ...settings,
          validation: validation ?? undefined,
          size: size ?? undefined,
          onProgress: view.onPrepare,
        });
        print(Object.values(files).join('\n'));
      } finally {
        view.stop();
      }
    });
