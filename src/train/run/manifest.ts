import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { platform, release } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { lookAt } from '../../data/files';
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

export async function manifestOf(args: TrainArgs, device: Device): Promise<Manifest> {
  const { vendor, architecture, device: name, description } = device.info;
  const files = [args.data, ...(args.val_data ? [args.val_data] : [])];
  return {
    seed: args.seed,
    data: Object.fromEntries(await Promise.all(files.map(async (file) => [file, await sha256(file)] as const))),
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

async function sha256(path: string): Promise<string> {
  const folder = lookAt(path) === 'a folder';
  const names = folder ? readdirSync(path, { recursive: true, encoding: 'utf8' }).sort() : [''];
  const files = names.map((name) => join(path, name)).filter((file) => lookAt(file) === 'a file');
  const hash = createHash('sha256');
  for (const file of files) await pipeline(createReadStream(file), hash, { end: false });
  return hash.digest('hex');
}

const versionOf = (name: string): string =>
  packageVersion(name, pathToFileURL(createRequire(import.meta.url).resolve(name)).href);
