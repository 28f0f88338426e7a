// Entry point of a worker thread: prepares faces, one after the other, and puts them into a crop store.
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { MachineError } from '../base/errors';
import { type CropPlace, CropStore, cropKey } from './crop_store';
import { type FacePose, prepareFace } from './face';
import { decodeImage, ImageError, readPicture } from './image';
import { ImageRoot } from './image_root';

/** What a worker is started with. */
export interface WorkerSettings {
  /** Directory of the crop store. */
  store: string;
  /** Folder of the pictures, which no link may lead out of. */
  imageDir: string;
  size: number;
}

/** One face: `index` comes back with the result, `file` is the picture's path. */
export interface CropJob {
  index: number;
  file: string;
  pose: FacePose | null;
}

export type CropResult = { index: number } & ({ place: CropPlace; made: boolean } | { reason: string });

/** A group of jobs, done from `start` to `end`: milliseconds since 1970, to a fraction, the same for all threads. */
export interface GroupDone {
  results: CropResult[];
  start: number;
  end: number;
}

async function prepare(store: CropStore, size: number, job: CropJob): Promise<CropResult> {
  const { index, file, pose } = job;
  try {
    const content = await readPicture(file, root);
    const key = cropKey(content, pose ? [size, ...pose.leftEye, ...pose.rightEye, ...pose.box] : [size]);
    const found = store.find(key);
    if (found?.whole) return { index, place: found.place, made: false };
    const { data } = prepareFace(await decodeImage(content), pose, size);
    return { index, place: store.put(key, data, found?.place), made: true };
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // Of what is there no more no picture is bad.
    if (root.isGone) throw new MachineError(`${imageDir}: the image folder is gone; bring it back and start again`);
    return { index, reason: error.message };
  }
}

const { store: dir, imageDir, size }: WorkerSettings = workerData;
const root = new ImageRoot(imageDir);
const port = parentPort!;
sharp.concurrency(1);
sharp.cache(false);
const store = new CropStore(dir, size);

// Jobs arrive in small groups; null ends the thread, after the picture at hand.
let ended = false;
port.on('message', async (jobs: CropJob[] | null) => {
  if (jobs === null) {
    ended = true;
    return port.close();
  }
  const results: CropResult[] = [];
  const now = () => performance.timeOrigin + performance.now();
  const start = now();
  for (const job of jobs) {
    results.push(await prepare(store, size, job));
    if (ended) return;
  }
  const done: GroupDone = { results, start, end: now() };
  port.postMessage(done);
});
