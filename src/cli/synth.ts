import { Command } from 'commander';
import { orAborted } from '../base/abort';
import type { SyntheticOptions } from '../data/synthetic/synthetic';
import { choice, orNone, readSettings, type Settings, text, whole } from '../train/settings/settings';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { printResult } from './terminal';

const LAYOUTS = ['csv', 'npy', 'folders', 'affwild2'] as const;

interface SynthSettings {
  out: string;
  n: number;
  validation: number | null;
  seed: number;
  size: number | null;
  layout: (typeof LAYOUTS)[number];
}

const SETTINGS: Settings<SynthSettings> = {
  out: { kind: text('DIR', 'the path of a folder'), help: 'folder to write: new, empty, or an older synthetic set' },
  n: { kind: whole(1), default: 700, help: 'faces for training' },
  validation: { kind: orNone(whole(1)), default: null, help: 'faces for validation; default: a quarter of --n' },
  seed: { kind: whole(0, 2 ** 32 - 1), default: 0, help: 'another seed draws other faces' },
  size: {
    kind: orNone(whole(32, 2048)),
    default: null,
    help: 'side of the pictures in pixels; default: 144, for npy 224, for folders and affwild2 112',
  },
  layout: {
    kind: choice(...LAYOUTS),
    default: 'csv',
    help:
      "csv (AffectNet's of 2017: pictures and two CSV files), npy (as AffectNet is handed out today), " +
      'folders (a folder a class) or affwild2 (frames of videos and their text files)',
  },
};

const EXAMPLE = `
Examples:
  emotion-gcn synth --out faces --n 700
  emotion-gcn train --image_dir faces --data faces/training.csv --val_data faces/validation.csv --emb random \\
    --image_size 112 --saved_model run1
  emotion-gcn synth --layout npy --out release --n 700
  emotion-gcn train --data release --emb random --saved_model run2
  emotion-gcn synth --layout affwild2 --out videos --n 700
  emotion-gcn train --dataset affwild2 --data videos/annotations --image_dir videos/videos --emb random --saved_model run3`;

/** Gives what names the set. */
type Writer = (options: SyntheticOptions) => Promise<object>;

const WRITERS = {
  csv: async (): Promise<Writer> => (await import('../data/synthetic/synthetic')).writeSyntheticSet,
  npy: async (): Promise<Writer> => (await import('../data/synthetic/synthetic_npy')).writeSyntheticNpy,
  folders: async (): Promise<Writer> => (await import('../data/synthetic/synthetic_folders')).writeSyntheticFolders,
  affwild2: async (): Promise<Writer> => (await import('../data/synthetic/synthetic_videos')).writeSyntheticVideos,
} as const;

/** `emotion-gcn synth` */
export const synthCommand = (): Command =>
  addProgress(
    addSettings(new Command('synth').description('draw a set of faces, in the layout of a data set'), SETTINGS),
  )
    .addHelpText('after', EXAMPLE)
    .action(async (options: Record<string, unknown>) => {
      const { validation, size, layout, ...settings } = readSettings(SETTINGS, options);
      const write = await WRITERS[layout]();
      const view = new ProgressView('drawing faces');
      try {
        const how = { ...settings, validation: validation ?? undefined, size: size ?? undefined };
        const files = await stoppable(
          (signal) => orAborted(write({ ...how, onProgress: view.onPrepare }), signal),
          () => view.onNotice('stopping'),
        );
        if (files) printResult(Object.values(files).join('\n'), files);
      } finally {
        view.stop();
      }
    });
