// Pictures of the faces that a run was validated on, small: of rows of its predictions.csv alone, and of files below its image_dir alone.
import { realpathSync } from 'node:fs';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { InputError } from '../../../base/errors';
import { lookAt } from '../../../data/files';
import { decodeToFind, ImageError, readPicture } from '../../../data/image';
import { ImageRoot } from '../../../data/image_root';
import { foldersIn, isPartName } from '../../../data/layouts/folder_parts';
import type { PageRun } from '../../../page/protocol';

/**
 * The picture of a row of `run.predictions` as a JPEG, upright, its longer side at most `most` pixels.
 * @returns null where there is no such row, no such picture below the run's image_dir, or nothing that can be decoded
 */
export async function pictureOf(run: PageRun, row: number, most: number): Promise<Buffer | null> {
  const image = run.predictions?.image[row];
  if (image === undefined) return null;
  for (const dir of rootsOf(run)) {
    const file = fileBelow(dir, image);
    if (file === null) continue;
    try {
      const { data, width, height } = await decodeToFind(await readPicture(file));
      const raw = { width, height, channels: 3 } as const;
      const size = { width: most, height: most, fit: 'inside', withoutEnlargement: true } as const;
      return await sharp(data, { raw }).resize(size).jpeg({ quality: 80 }).toBuffer();
    } catch (error) {
      if (!(error instanceof ImageError)) throw error;
    }
  }
  return null;
}

/** The real path of what a run calls `image`, if it leads to a place below `dir`; null: it does not. */
function fileBelow(dir: string, image: string): string | null {
  try {
    const root = new ImageRoot(dir);
    if (image.includes('\0')) return null;
    const real = realpathSync(resolve(dir, image));
    return root.has(real) ? real : null;
  } catch {
    return null;
  }
}

/** Folders that a run's pictures may start from: its image_dir, or those of its data where they hold the pictures. */
function rootsOf({ args }: PageRun): string[] {
  const { image_dir, val_data, data } = args;
  const places = [image_dir, val_data, data].filter((path) => typeof path === 'string' && path !== '') as string[];
  return [...new Set(places)].filter((path) => lookAt(path) === 'a folder').flatMap((path) => [path, ...partsIn(path)]);
}

/** Folders of training and validation sets. */
function partsIn(dir: string): string[] {
  try {
    return foldersIn(dir)
      .filter(isPartName)
      .map((name) => join(dir, name));
  } catch (error) {
    if (error instanceof InputError) return [];
    throw error;
  }
}
