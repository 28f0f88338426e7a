import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MachineError } from '../base/errors';
import { readTfjsWeights, type TfjsTensor } from '../formats/tfjs';
import { readWholeSync } from './files';

const PACKAGE = '@vladmandic/face-api';

export type FaceModel = 'tiny_face_detector_model' | 'face_landmark_68_model' | 'face_expression_model';

/**
 * The weights of a network that come with the package `@vladmandic/face-api`, of which no code runs.
 * @throws MachineError where the package or its file is missing
 * @throws InputError where a file is not what it should be
 */
export function readFaceApiWeights(name: FaceModel): Map<string, TfjsTensor> {
  const manifest = `${name}-weights_manifest.json`;
  return readTfjs(packageFile(manifest), packageFile, `${PACKAGE}/model/${manifest}`);
}

/** A file of the package's folder `model`. */
function packageFile(file: string): Buffer {
  try {
    const folder = dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`));
    return readFileSync(join(folder, 'model', file));
  } catch (error) {
    throw new MachineError(
      `${PACKAGE}/model/${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? error}); ` +
        'the weights of faces come with this package: run npm install again',
    );
  }
}

/**
 * The weights of a network of TensorFlow.js: its manifest (`NAME-weights_manifest.json`), or its graph's json that has one, with the files
 * that it names beside it.
 * @throws InputError naming the file
 */
export const readTfjsFile = (file: string): Map<string, TfjsTensor> =>
  readTfjs(readWholeSync(file), (name) => readWholeSync(join(dirname(file), name)), file);

/** The same of bytes. @param files those beside it, by name */
export function readTfjs(json: Buffer, files: (name: string) => Uint8Array, source: string): Map<string, TfjsTensor> {
  const read = parsed(json) as { weightsManifest?: unknown } | null;
  return readTfjsWeights(read?.weightsManifest ?? read, files, source);
}

/** null, which is no manifest, where the text is no JSON. */
function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return null;
  }
}
