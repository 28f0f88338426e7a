import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { MachineError } from '../base/errors';
import { readTfjsWeights, type TfjsTensor } from '../formats/tfjs';

const PACKAGE = '@vladmandic/face-api';

export type FaceModel = 'tiny_face_detector_model' | 'face_landmark_68_model' | 'face_expression_model';

/**
 * The weights of a network that come with the package `@vladmandic/face-api`, of which no code runs.
 * @throws MachineError where the package or its file is missing
 * @throws InputError where a file is not what it should be
 */
export function readFaceApiWeights(name: FaceModel): Map<string, TfjsTensor> {
  const manifest = `${name}-weights_manifest.json`;
  return readTfjsWeights(parsed(packageFile(manifest)), packageFile, `${PACKAGE}/model/${manifest}`);
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

/** null, which is no manifest, where the text is no JSON. */
function parsed(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return null;
  }
}
