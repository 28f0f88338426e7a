// Entry point of a worker thread: gives prepared faces, out of the cache or made now.
import { statSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { MachineError } from '../../base/errors';
import type { Canvas } from '../../base/pixels/warp';
import { type FacePose, prepareFace } from '../face';
import { decodeImage, ImageError, readPicture } from '../image';
import { ImageRoot } from '../image_root';
import { poseFromLandmarks } from '../landmarks';
import type { LandmarkFile } from '../sample_columns';
import { KeyFile, KeyTable } from './crop_keys';
import { CropPacks, type CropPlace, cropKey, digest } from './crop_packs';

/** What a worker is started with. */
export interface WorkerSettings {
  readonly size: number;
  readonly canvas: Canvas;
  /** The cache, and which crops it has; null: none is kept. */
  readonly cache: { readonly dir: string; readonly keys: SharedArrayBuffer } | null;
  /** Pictures are known by what they contain alone. */
  readonly verify: boolean;
}

/** One face: `file` is the picture's path, and that of landmarks is beside it. */
export interface CropJob {
  readonly file: string;
  /** Folder of the pictures, which no link may lead out of. */
  readonly root: string;
  readonly pose: FacePose | LandmarkFile | null;
  /** Where it was. */
  readonly place: CropPlace | null;
}

/** Jobs that travel together. */
export interface CropGroup {
  readonly jobs: readonly CropJob[];
  /** Whether new crops are kept. */
  readonly keep: boolean;
}

/** What a face gave: its pixels are in the group's; or why the picture cannot be used. */
export type CropResult =
  | {
      /** null: it is not kept. */
      readonly place: CropPlace | null;
      readonly made: boolean;
      /** The keys by which it is found from now on. */
      readonly keys?: readonly Uint8Array[];
      /** Why it could not be kept. */
      readonly full?: string;
    }
  | { readonly reason: string };

/** A group of jobs, done from `start` to `end`: milliseconds since 1970, to a fraction, the same for all threads. */
export interface GroupDone {
  readonly results: readonly CropResult[];
  /** A crop after the other; zeros where there is none. */
  readonly pixels: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const { size, canvas, cache, verify }: WorkerSettings = workerData;
const packs = cache && new CropPacks(cache.dir, size);
const keys = cache && new KeyTable(cache.keys);
const keyFile = cache && new KeyFile(cache.dir, size);
const roots = new Map<string, ImageRoot>();

/** Writes the crop of a picture to `into`, if it can be used. */
async function face(job: CropJob, keep: boolean, into: Uint8Array): Promise<CropResult> {
  const known = job.place && packs?.read(job.place);
  if (known) {
    into.set(known);
    return { place: job.place, made: false };
  }
  const root = rootOf(job.root);
  try {
    return await find(job, root, keep, into);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    // Of what is there no more no picture is bad.
    if (root.isGone) throw gone(job.root);
    return { reason: error.message };
  }
}

const gone = (dir: string) => new MachineError(`${dir}: the image folder is gone; bring it back and start again`);

function rootOf(dir: string): ImageRoot {
  try {
    if (!roots.has(dir)) roots.set(dir, new ImageRoot(dir));
    return roots.get(dir)!;
  } catch {
    throw gone(dir);
  }
}

async function find({ file, pose }: CropJob, root: ImageRoot, keep: boolean, into: Uint8Array): Promise<CropResult> {
  const outside = root.linkProblemOf(file);
  if (outside) throw new ImageError(outside);
  const landmarks = pose && 'landmarks' in pose ? pose.landmarks : null;
  const cut =
    pose && 'leftEye' in pose
      ? [size, ...pose.leftEye, ...pose.rightEye, ...pose.box].join()
      : `${size}${landmarks === null ? '' : ',landmarks'}`;
  const settings = pose && canvas === 'open' ? `${cut},open` : cut;
  const source = digest(
    'emotion-gcn source 1',
    settings,
    file,
    identityOf(file),
    landmarks ? identityOf(landmarks) : '',
  );
  const before = verify ? undefined : keys?.find(source);
  const known = before && packs?.read(before);
  if (before && known) {
    into.set(known);
    return { place: before, made: false };
  }
  const content = await readPicture(file, root);
  const points = landmarks === null ? null : await readLandmarks(landmarks, root);
  const key = cropKey(content, settings, ...(points ? [points] : []));
  const found = keys?.find(key);
  const kept = found && packs?.read(found, key);
  if (found && kept) {
    into.set(kept);
    remember(source, key, found);
    return { place: found, made: false, keys: [source, key] };
  }
  const image = await decodeImage(content);
  const of = points && landmarks ? poseFromLandmarks(points, image.width, image.height) : (pose as FacePose | null);
  const { data } = prepareFace(image, of, size, canvas);
  into.set(data);
  if (!packs || !keep) return { place: null, made: true };
  try {
    const place = packs.put(key, data, found);
    remember(source, key, place);
    return { place, made: true, keys: [source, key] };
  } catch (error) {
    return { place: null, made: true, full: (error as Error).message };
  }
}

async function readLandmarks(file: string, root: ImageRoot): Promise<Uint8Array> {
  return readPicture(file, root).catch((error) => {
    if (!(error instanceof ImageError)) throw error;
    throw new ImageError(`landmarks: ${error.message} (${file}); --align off needs none`);
  });
}

/** Size and times of a file: if they are what they were, so is its content. */
function identityOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found ? `${found.size} ${found.mtimeNs} ${found.ctimeNs}` : '';
}

/** What cannot be written is found by the picture's content. */
function remember(source: Buffer, key: Buffer, place: CropPlace): void {
  try {
    keyFile?.append(source, key, place);
  } catch {}
}

const port = parentPort!;
sharp.concurrency(1);
sharp.cache(false);

// Null ends the thread, after the picture at hand.
let ended = false;
port.on('message', async (group: CropGroup | null) => {
  if (group === null) {
    ended = true;
    packs?.close();
    return port.close();
  }
  const results: CropResult[] = [];
  const length = size * size * 3;
  const pixels = new Uint8Array(group.jobs.length * length);
  const now = () => performance.timeOrigin + performance.now();
  const start = now();
  for (const [i, job] of group.jobs.entries()) {
    results.push(await face(job, group.keep, pixels.subarray(i * length, (i + 1) * length)));
    if (ended) return;
  }
  const done: GroupDone = { results, pixels, start, end: now() };
  port.postMessage(done, [pixels.buffer]);
});
