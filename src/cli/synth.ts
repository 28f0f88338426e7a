import { Command } from 'commander';
import { orNone, readSettings, type Settings, text, whole } from '../train/settings';
import { ProgressView } from './progress';
import { addSettings } from './settings_options';

interface SynthSettings {
  out: string;
  n: number;
  validation: number | null;
  seed: number;
  size: number;
}

const SETTINGS: Settings<SynthSettings> = {
  out: { kind: text('DIR', 'the path of a folder'), help: 'folder to write: new, empty, or an older synthetic set' },
  n: { kind: whole(1), default: 700, help: 'faces for training' },
  validation: { kind: orNone(whole(1)), default: null, help: 'faces for validation; default: a quarter of --n' },
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'another seed draws other faces' },
  size: { kind: whole(32, 2048), default: 144, help: 'side of the pictures in pixels' },
};

const EXAMPLE = `
Example:
  emotion-gcn synth --out faces --n 700
  emotion-gcn train --image_dir faces --data faces/training.csv --val_data faces/validation.csv --emb random \\
    --image_size 112 --saved_model run1`;

/** `emotion-gcn synth` */
export const synthCommand = (): Command =>
  addSettings(new Command('synth').description('draw a set of faces in the layout of AffectNet'), SETTINGS)
    .addHelpText('after', EXAMPLE)
    .action(async (options: Record<string, unknown>) => {
      const { validation, ...settings } = readSettings(SETTINGS, options);
      const { writeSyntheticSet } = await import('../data/synthetic');
      const view = new ProgressView('drawing faces');
      try {
        const files = await writeSyntheticSet({
          ...settings,
          validation: validation ?? undefined,
          onProgress: view.onPrepare,
        });
        process.stdout.write(`${files.training}\n${files.validation}\n`);
      } finally {
        view.stop();
      }
    });
