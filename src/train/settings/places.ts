// Whether the files and folders that settings name are there.
import { InputError } from '../../base/errors';
import { hasOwnPictures } from '../../data/annotations';
import { lookAt } from '../../data/files';
import type { TrainArgs } from './args';
import { FACES, NETWORK } from './network';

/**
 * Looks whether the files and folders that a run starts from are there.
 * @throws InputError naming the setting and the path
 * @example
 * checkInputs(readTrainArgs({ image_dir: 'faces', data: 'faces/training.csv', saved_model: 'run2' }));
 */
export function checkInputs(
  args: Pick<TrainArgs, 'image_dir' | 'data' | 'val_data' | 'model' | 'emb'> &
    Partial<Pick<TrainArgs, 'pretrained' | 'checkpoint'>>,
): void {
  if (args.pretrained && args.pretrained !== FACES) checkFile('pretrained', args.pretrained);
  if (args.checkpoint) checkFile('checkpoint', args.checkpoint);
  checkPlaces(args);
  const { model, emb } = args;
  if (model === 'emotion_gcn' && emb !== null && !NETWORK.emb.kind.words?.includes(emb)) checkFile('emb', emb);
}

/** @throws InputError unless pictures and annotations are where the settings say */
export function checkPlaces({
  image_dir,
  data,
  val_data = null,
}: Pick<TrainArgs, 'image_dir' | 'data'> & Partial<Pick<TrainArgs, 'val_data'>>): void {
  if (image_dir !== null) checkFolder('image_dir', image_dir);
  for (const [name, path] of Object.entries({ data, val_data })) {
    if (path === null) continue;
    checkAnnotations(name, path);
    if (image_dir === null && !hasOwnPictures(path))
      throw new InputError(`missing: --image_dir DIR, the folder that the pictures' paths in ${path} start from`);
  }
}

/** @throws InputError unless there is a file or a folder at `path` */
export function checkAnnotations(name: string, path: string): void {
  const found = lookAt(path);
  if (found === 'a file' || found === 'a folder') return;
  throw new InputError(`--${name} expects a file or a folder, found ${found} at ${path}; check the path`);
}

/** @throws InputError unless there is a folder at `path` */
export function checkFolder(name: string, path: string): void {
  const found = lookAt(path);
  if (found !== 'a folder') {
    throw new InputError(`--${name} expects a folder, found ${found} at ${path}; check the path`);
  }
}

/** @throws InputError unless there is a file at `path` */
export function checkFile(name: string, path: string): void {
  const found = lookAt(path);
  if (found !== 'a file') throw new InputError(`--${name} expects a file, found ${found} at ${path}; check the path`);
}
