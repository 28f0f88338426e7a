// AffectNet's columns for one's own photographs.
import { extname } from 'node:path';
import { Command } from 'commander';
import { orAborted } from '../base/abort';
import { writeWhole } from '../data/files';
import type { FoundPhoto } from '../train/measures/face_set';
import { csvField } from '../train/measures/predictions';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { checkFolder } from '../train/settings/places';
import { readSettings, type Settings, text } from '../train/settings/settings';
import { formatTable, shellPath } from './format';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { printResult, say } from './terminal';

interface FacesSettings {
  image_dir: string;
  out: string;
  gpu: string | null;
}

const SETTINGS: Settings<FacesSettings> = {
  image_dir: {
    kind: text('DIR', 'the path of a folder'),
    help: 'folder of photographs: a folder a class, in train/ and val/ or without, as train takes it; or any, without labels',
  },
  out: { kind: text('FILE', 'the path of a file to write'), default: 'faces.csv', help: 'CSV to write' },
  gpu: TRAIN_SETTINGS.gpu,
};

const NOTE = `
Of each photograph the largest face is taken, with the box as AffectNet's lie around the eyes and 68 landmarks. Where DIR has a validation set
its rows go to FILE with _val before the ending. Photographs without a face are left out; they, and those with several, are listed
in FILE with _to_check before the ending. Classes are AffectNet's numbers, or the names of your own folders; valence and arousal are those of
valence_arousal.csv, else -2, AffectNet's mark for none. Without class folders the expression stays empty, to be filled in; predict reads such a
file as it is. Stopped, it leaves no file.

Example:
  emotion-gcn prepare faces --image_dir photographs --out faces.csv
  emotion-gcn train --image_dir photographs --data faces.csv --align open --model single_task --recipe small_set --saved_model run1`;

/** Photographs that are listed in the message. */
const SHOWN = 20;

/** `emotion-gcn prepare faces` */
export const prepareFaces = (): Command =>
  addProgress(
    addSettings(
      new Command('faces').description(
        "faces found in your own photographs, as AffectNet's CSV, so that train aligns them",
      ),
      SETTINGS,
    ),
  )
    .addHelpText('after', NOTE)
    .action(async (options: Record<string, unknown>) => {
      const { image_dir: dir, out, gpu } = readSettings(SETTINGS, options);
      const ending = extname(out);
      const named = (what: string): string => `${out.slice(0, out.length - ending.length)}_${what}${ending}`;
      for (const file of [out, named('val'), named('to_check')]) checkNotOfRun(file);
      checkFolder('image_dir', dir);
      const { faceSet, openPhotos } = await import('../train/measures/face_set');
      const { root, flags, train, val } = await openPhotos(dir, say);
      const sets = [train, ...(val ? [val] : [])].map((set, i) => {
        const [name, file] = i === 0 ? ['train', out] : ['val', named('val')];
        return { ...set, name, file, rows: 0, several: 0, missing: 0 };
      });
      const toCheck: [image: string, what: string][] = [];
      const written: string[] = [];
      const view = new ProgressView('finding faces');
      const total = sets.reduce((sum, { count }) => sum + count, 0);
      const write = async (signal: AbortSignal): Promise<true> => {
        const { openDevice } = await import('../device/node');
        const { openFaceFinder } = await import('../data/found_face');
        const device = await orAborted(openDevice({ gpu: gpu ?? undefined, say }), signal, (late) => late.destroy());
        try {
          const finder = openFaceFinder(device);
          let done = 0;
          for (const set of sets) {
            const onPhoto = ({ image, row, what }: FoundPhoto): void => {
              if (row === null) set.missing++;
              else set.rows++;
              if (row !== null && what !== null) set.several++;
              if (what !== null) toCheck.push([image, what]);
              view.onPrepare(++done, total);
            };
            await writeWhole(set.file, faceSet(set.photos, { root, finder, onPhoto, signal }));
            written.push(set.file);
          }
        } finally {
          device.destroy();
          view.stop();
        }
        await writeWhole(
          named('to_check'),
          [['image', 'what'], ...toCheck].map((row) => `${row.map(csvField).join(',')}\n`).join(''),
        );
        return true;
      };
      if (!(await stoppable(write, () => view.onNotice('stopping')))) {
        say(`stopped; written: ${written.join(', ') || 'nothing'}`);
        return;
      }
      for (const row of toCheck.slice(0, SHOWN)) say(`to check: ${row.join(': ')}`);
      if (toCheck.length > SHOWN) say(`... and ${toCheck.length - SHOWN} more in ${named('to_check')}`);
      const counts = sets.map(({ name, rows, several, missing }) => [name, ...[rows, several, missing].map(String)]);
      const files = sets.map(({ file }, i) => `--${i === 0 ? 'data' : 'val_data'} ${shellPath(file)}`);
      const next = flags
        ? `\nemotion-gcn train --image_dir ${shellPath(dir)} ${[...files, ...flags].join(' ')} --saved_model run1`
        : 'no class folders: its expressions are empty. Fill them in to train with it; emotion-gcn predict reads it as it is.';
      printResult(
        [
          `${formatTable([['', 'faces', 'of several', 'left out'], ...counts])}\n`,
          `written: ${written.join(', ')}, with AffectNet's columns; to check: ${named('to_check')}`,
          next,
        ].join('\n'),
        {
          sets: sets.map(({ name, file, rows, several, missing }) => ({ name, file, rows, several, missing })),
          to_check: named('to_check'),
        },
      );
    });
