// Real trainings on drawn faces: JPEG files, decoding, augmentation and checkpoints and all.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSyntheticSet } from '../../src/data';
import { readTrainArgs, type TrainArgs } from '../../src/train/settings/args';
import { BROUGHT } from './brought';
import type { Size } from './sizes';

/** Faces that are drawn; a longer epoch has each several times. */
const DRAWN = { n: 70, validation: 7 } as const;

/** Drawn faces: those that were brought, else new ones in `dir`. @returns their folder, and the annotations */
async function facesIn(dir: string, size: number) {
  if (existsSync(BROUGHT))
    return { faces: BROUGHT, training: `${BROUGHT}/training.csv`, validation: `${BROUGHT}/validation.csv` };
  const faces = join(dir, 'faces');
  return { faces, ...(await writeSyntheticSet({ out: faces, ...DRAWN, size, seed: 0 })) };
}

export interface Faces {
  readonly dir: string;
  /** Settings of a run of one epoch. */
  args(run: string, more?: Partial<TrainArgs>): TrainArgs;
}

/** A set of which one epoch has `steps` steps, in a folder that is gone when the process ends. */
export async function drawnFaces({ network, size, batch }: Size, steps: number, gpu?: string): Promise<Faces> {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-gpu-day-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  const { faces, training, validation } = await facesIn(dir, Math.max(96, size));
  const [head, ...rows] = readFileSync(training, 'utf8').trimEnd().split('\n');
  const data = join(dir, 'epoch.csv');
  writeFileSync(
    data,
    `${[head, ...Array.from({ length: batch * steps }, (_, i) => rows[i % rows.length])].join('\n')}\n`,
  );
  const args = (run: string, more: Partial<TrainArgs> = {}): TrainArgs =>
    readTrainArgs({
      ...{ image_dir: faces, data, val_data: validation, emb: 'random', network, gpu: gpu ?? null },
      ...{ image_size: size, batch_size: batch, epochs: 1, class_weights: 'none', cache: join(dir, 'cache') },
      ...{ saved_model: join(dir, run), ...more },
    });
  return { dir, args };
}
