// Annotations that were read once, kept as columns: as long as what they were read from has its sizes and times, none of it is opened again.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheDir } from '../device/node/cache';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import { replaceFile } from './files';
import type { AnnotationOptions, Annotations } from './layouts/layout';
import { Samples } from './sample_columns';
import type { AnnotationSet } from './samples';
import { type Source, stampOf } from './sources';

/** Counts up when a reader of annotations gives something else of the same files. */
const VERSION = 1;

/** Milliseconds within which a file may change without another time. */
const TICK = 50;

/** Where annotations are kept. */
export interface Keeping {
  /** As `--cache`: a folder, null for the user's, or `off`. */
  readonly cache: string | null;
  /** Read anew what is kept. */
  readonly verify?: boolean;
}

/** What is kept of a set beside its samples. */
interface KeptSet extends Omit<AnnotationSet, 'samples' | 'dropped'> {
  readonly dropped: [kind: string, count: number][];
}

interface Kept {
  readonly sources: { readonly path: string; readonly counts?: string; readonly pattern?: string }[];
  readonly digest: string;
  readonly hash: string;
  readonly train: KeptSet;
  readonly val: KeptSet | null;
}

/** What is kept of annotations, else what `read` gives, which is then kept. What cannot be kept is read anew each time. */
export async function keptAnnotations(
  data: string,
  options: AnnotationOptions,
  { cache, verify = false }: Keeping,
  read: () => Promise<Annotations>,
): Promise<Annotations> {
  const file = cache === 'off' ? null : fileFor(data, options, cache);
  if (file === null) return read();
  const kept = verify ? null : await take(file);
  if (kept) return kept;
  const begun = Date.now();
  const annotations = await read();
  await keep(file, annotations, begun);
  return annotations;
}

/** null: there is no place for it. */
function fileFor(data: string, options: AnnotationOptions, cache: string | null): string | null {
  const { imageDir } = options;
  const given = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1));
  // Messages have the paths as they were given.
  const key = JSON.stringify([VERSION, resolve(data), data, imageDir === null ? null : resolve(imageDir), given]);
  const name = `${createHash('sha256').update(key).digest('hex').slice(0, 32)}.safetensors`;
  try {
    return join(cache ?? cacheDir(), 'annotations', name);
  } catch {
    return null;
  }
}

/** null: nothing is kept, it is damaged, or what it was read from has changed. */
async function take(file: string): Promise<Annotations | null> {
  try {
    const { tensors } = readSafetensors(readFileSync(file), file, { sealed: true });
    const bytes = (name: string): Uint8Array => tensors.get(name)?.data as Uint8Array;
    const { sources, digest, hash, train, val }: Kept = JSON.parse(Buffer.from(bytes('kept')).toString());
    const found = sources.map(
      ({ path, counts, pattern }): Source => ({
        path,
        counts: pattern === undefined ? (counts as Source['counts']) : new RegExp(pattern),
      }),
    );
    if ((await stampOf(found)).digest !== digest) return null;
    const setOf = (set: KeptSet, name: string): AnnotationSet => ({
      ...set,
      dropped: new Map(set.dropped),
      samples: Samples.decode(bytes(name), file),
    });
    return { train: setOf(train, 'train'), val: val && setOf(val, 'val'), sources: found, hash };
  } catch {
    return null;
  }
}

/** @param begun when they began to be read: what has changed since may be read in part */
async function keep(file: string, { train, val, sources, hash }: Annotations, begun: number): Promise<void> {
  try {
    const { digest, changed } = await stampOf(sources);
    if (changed >= begun - TICK) return;
    const setOf = ({ samples, dropped, ...set }: AnnotationSet): KeptSet => ({ ...set, dropped: [...dropped] });
    const kept: Kept = {
      sources: sources.map(({ path, counts }) =>
        counts instanceof RegExp ? { path, pattern: counts.source } : { path, counts },
      ),
      digest,
      hash,
      train: setOf(train),
      val: val && setOf(val),
    };
    const parts: [string, Uint8Array][] = [
      ['kept', Buffer.from(JSON.stringify(kept))],
      ['train', train.samples.encode()],
    ];
    if (val) parts.push(['val', val.samples.encode()]);
    const tensors = new Map(parts.map(([name, data]) => [name, { shape: [data.length], data: new Uint8Array(data) }]));
    mkdirSync(join(file, '..'), { recursive: true });
    await replaceFile(file, Buffer.from(writeSafetensors(tensors, {}, { sealed: true })));
  } catch {
    // No room, or no right to write: it is read anew the next time.
  }
}
