import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { platform, release } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InputError } from '../../base/errors';
import { hashOf } from '../../data/data_hash';
import type { Device } from '../../device';
import { TRAIN_SETTINGS, type TrainArgs } from '../settings/args';
import { FACES } from '../settings/network';
import { hashOfFaceWeights, isFaceWeights } from './face_weights';
import { checkFormat, FORMAT_VERSION } from './format';
import { packageVersion } from './package_version';
import { isObject, readJson } from './read_run';

/** What a run's numbers rest on besides its settings: the same of all these gives the same bits. */
export interface Manifest {
  /** See `FORMAT_VERSION`; undefined in files of version 1, as is `settings`. */
  readonly format_version?: number;
  readonly seed: number;
  /** SHA-256 of the settings that change numbers, where they are not the defaults: whether args.json is still what it was. */
  readonly settings?: string;
  /**
   * SHA-256 of the annotations (the pictures themselves are not read for it), see `hashOf`; and of the weights that the run began with.
   */
  readonly data: Readonly<Record<string, string>>;
  readonly adapter: Readonly<Record<'vendor' | 'architecture' | 'device' | 'description', string>>;
  readonly versions: Readonly<Record<'emotion-gcn' | 'webgpu' | 'sharp' | 'node' | 'system', string>>;
}

/** The settings whose files stand in `data`. */
const FILES = ['data', 'val_data', 'pretrained', 'checkpoint'] as const;

/** Under which a setting's file stands in `data`: its path; weights of faces are no file, and data may be a folder of that name. */
const keyOf = (name: (typeof FILES)[number], args: TrainArgs): string =>
  name === 'pretrained' && args[name] === FACES ? `--pretrained ${FACES}` : (args[name] ?? '');

/** @param hashes of the annotations, by their path */
export function manifestOf(args: TrainArgs, hashes: Readonly<Record<string, string>>, device: Device): Manifest {
  const { vendor, architecture, device: name, description } = device.info;
  const data = FILES.flatMap((name) => {
    const file = args[name];
    if (file === null) return [];
    const learnt = name === 'pretrained' && isFaceWeights(file);
    return [[keyOf(name, args), learnt ? hashOfFaceWeights(file, args.network) : (hashes[file] ?? hashOf(file))]];
  });
  return {
    format_version: FORMAT_VERSION,
    seed: args.seed,
    settings: hashOfSettings(args),
    data: Object.fromEntries(data),
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

/** Settings that change no numbers by themselves: places, the machine, how long a run goes on and is saved. All that may differ on resume is here. */
export const NOT_HASHED: ReadonlySet<string> = new Set<keyof TrainArgs>([
  ...([...FILES, 'image_dir', 'adj', 'emb', 'saved_model', 'epochs'] as const),
  ...([
    'workers',
    'gpu',
    'tune',
    // All that it says is told by the others.
    'recipe',
    'cache',
    'cache_limit',
    'verify',
    'save_minutes',
    'save_every',
    'keep',
    'max_hours',
    'tensorboard',
    'on_nan',
    'rank_timeout',
  ] as const),
]);

/** Of settings with their default nothing goes in, so that one which a later version has does not change it. */
function hashOfSettings(args: TrainArgs): string {
  const told = Object.entries(args).filter(([name, value]) => {
    const setting = TRAIN_SETTINGS[name as keyof TrainArgs] as { default?: unknown } | undefined;
    // The data set's own classes are told by their number.
    if (name === 'classes' && args.num_classes !== null) return false;
    return setting && !NOT_HASHED.has(name) && JSON.stringify(value) !== JSON.stringify(setting.default);
  });
  return createHash('sha256')
    .update(JSON.stringify(told.sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');
}

/**
 * The manifest of a run; null: it has none that can be read.
 * @throws InputError for one of a later version
 */
export function readManifest(dir: string): Manifest | null {
  const file = join(dir, 'manifest.json');
  let manifest: Record<string, unknown>;
  try {
    manifest = readJson(file);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
  if (!isObject(manifest.data)) return null;
  checkFormat(manifest.format_version, file);
  return manifest as unknown as Manifest;
}

/**
 * What is recorded of two runs and differs, in words: of `now`, which is to be as `before` was.
 * @param argsNow their settings, which tell whose annotations are whose
 */
export function differences(now: Manifest, argsNow: TrainArgs, before: Manifest, argsBefore: TrainArgs): string[] {
  const found: string[] = [];
  for (const name of FILES) {
    const [a, b] = [now.data[keyOf(name, argsNow)], before.data[keyOf(name, argsBefore)]];
    if (a !== b) found.push(`data: --${name} has the hash ${short(a)}, the run had ${short(b)}`);
  }
  const pairs: [what: string, now: unknown, before: unknown][] = [
    ['adapter', adapterOf(now), adapterOf(before)],
    ['driver', now.adapter?.description, before.adapter?.description],
    ...Object.keys(now.versions).map((name): [string, unknown, unknown] => {
      const of = name as keyof Manifest['versions'];
      return [`version of ${name}`, now.versions[of], before.versions?.[of]];
    }),
    ['settings', now.settings, before.settings],
  ];
  for (const [what, a, b] of pairs) {
    if (a === b || typeof b !== 'string') continue;
    found.push(
      what === 'settings' ? 'settings: args.json was changed since the run began' : `${what}: ${a}, the run had ${b}`,
    );
  }
  return found;
}

/** A manifest may have been written by anybody. */
const short = (hash: unknown): string => (typeof hash === 'string' ? `${hash.slice(0, 16)}…` : 'none');

const adapterOf = ({ adapter }: Manifest): string =>
  [adapter?.vendor, adapter?.architecture, adapter?.device].filter(Boolean).join(' ') || 'none';

const versionOf = (name: string): string =>
  packageVersion(name, pathToFileURL(createRequire(import.meta.url).resolve(name)).href);
