import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { platform, release } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { asInputError, lookAt } from '../../data/files';
import type { Device } from '../../device';
import type { TrainArgs } from '../settings/args';
import { packageVersion } from './package_version';

/** What a run's numbers rest on besides its settings: the same of all these gives the same bits. */
export interface Manifest {
  readonly seed: number;
  /** SHA-256 of the annotations (the pictures themselves are not read for it): of a folder, of its files in order. */
  readonly data: Readonly<Record<string, string>>;
  readonly adapter: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly versions: Readonly<Record<'emotion-gcn' | 'webgpu' | 'sharp' | 'node' | 'system', string>>;
}

export function manifestOf(args: TrainArgs, device: Device): Manifest {
  const { vendor, architecture, device: name, description } = device.info;
  const files = [args.data, ...(args.val_data ? [args.val_data] : [])];
  return {
    seed: args.seed,
    data: Object.fromEntries(files.map((file) => [file, hashOf(file)])),
    adapter: { vendor, architecture, device: name, description },
    versions: {
      'emotion-gcn': packageVersion('emotion-gcn', import.meta.url),
      webgpu: versionOf('webgpu'),
      sharp: versionOf('sharp'),
      node: process.version,
      system: `${platform()} ${release()} ${process.arch}`,
    },
  };
}

/** SHA-256 of annotations: of a file, or of a folder's files in order. @throws InputError if one cannot be read */
export function hashOf(path: string): string {
  const hash = createHash('sha256');
  const piece = Buffer.alloc(1 << 20);
  try {
    for (const file of lookAt(path) === 'a folder' ? filesBelow(path) : [path]) {
      const from = openSync(file, 'r');
      try {
        for (let n = readSync(from, piece); n > 0; n = readSync(from, piece)) hash.update(piece.subarray(0, n));
      } finally {
        closeSync(from);
      }
    }
  } catch (error) {
    throw asInputError(path, error);
  }
  return hash.digest('hex');
}

/** The files of a folder in order, those of a folder to which several links lead once. */
function filesBelow(path: string): string[] {
  const known = new Set<string>();
  const walk = (dir: string): string[] => {
    const real = realpathSync(dir);
    if (known.has(real)) return [];
    known.add(real);
    const kinds = readdirSync(dir)
      .sort()
      .map((name) => [join(dir, name), lookAt(join(dir, name))]);
    return kinds.flatMap(([at, kind]) => (kind === 'a folder' ? walk(at) : kind === 'a file' ? [at] : []));
  };
  return walk(path).sort();
}

const versionOf = (name: string): string =>
  packageVersion(name, pathToFileURL(createRequire(import.meta.url).resolve(name)).href);
