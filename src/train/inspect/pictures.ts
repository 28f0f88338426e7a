// The pictures of annotated sets: missing, unreadable, their sizes, and those that are there twice.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { InputError, MachineError } from '../../base/errors';
import { inParallel } from '../../base/parallel';
import type { AnnotationSet, BadItem } from '../../data';
import { ImageError } from '../../data';
import { NO_SUCH_FILE } from '../../data/image';
import { ImageRoot } from '../../data/image_root';
import { glanceAt } from '../../data/picture_glance';
import { poseOf } from './pose';

/** Pictures looked at at once: twice the threads that libuv has. */
const PARALLEL = 8;
/** Items that a list of bad ones keeps. */
const KEPT = 20;

export interface PictureOptions {
  /** Decode all of every picture, as training does; else begin and end of its file are looked at, and all of it where these leave a doubt. */
  readonly decode: boolean;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What is said of the pictures of a set. */
export interface SetPictures {
  readonly facts: Readonly<Record<string, string | number>>;
  /** Samples whose picture cannot be used, and the first of them. */
  readonly bad: number;
  readonly shown: readonly BadItem[];
}

/**
 * Looks at the pictures of sets that have a root. In memory a picture costs 9 bytes.
 * @returns what is said of each, and of all together (`both`)
 * @throws MachineError if the folder of the pictures goes meanwhile
 */
export async function lookAtPictures(
  sets: Readonly<Record<string, AnnotationSet>>,
  { decode, onProgress }: PictureOptions,
): Promise<{ of: Record<string, SetPictures>; both: Record<string, string | number> }> {
  const rooted = Object.entries(sets).filter(([, { root }]) => root !== null);
  const total = rooted.reduce((n, [, { samples }]) => n + samples.length, 0);
  const prints = new Float64Array(total).fill(Number.NaN);
  const whole = new Uint8Array(total);
  const of: Record<string, SetPictures> = {};
  let done = 0;
  for (const [name, set] of rooted) {
    const first = done;
    const root = new ImageRoot(set.root as string);
    const bad = new Bad();
    const sizes = new Sizes();
    await inParallel(set.samples.length, PARALLEL, async (i) => {
      const sample = set.samples.at(i);
      const { image, where } = sample;
      try {
        const glance = await glanceAt(resolve(set.root as string, image), decode, root);
        await poseOf(set.root as string, root, sample, glance);
        prints[first + i] = glance.print;
        whole[first + i] = Number(glance.whole);
        sizes.add(glance, image);
      } catch (error) {
        if (!(error instanceof ImageError)) throw error;
        if (root.isGone) throw new MachineError(`${set.root}: the image folder is gone; bring it back and start again`);
        bad.add({ where, image, reason: error.message });
      }
      done++;
      onProgress?.(done, total);
    });
    of[name] = { facts: { ...bad.facts(), ...sizes.facts() }, bad: bad.n, shown: bad.shown };
  }
  const twice = await findTwice(rooted, prints, whole);
  for (const [name, facts] of Object.entries(twice.of))
    of[name] = { ...of[name], facts: { ...of[name].facts, ...facts } };
  return { of, both: twice.both };
}

/** What cannot be used, by its kind. */
class Bad {
  n = 0;
  readonly shown: BadItem[] = [];
  private readonly kinds = new Map<string, { n: number; first: string }>();

  add(item: BadItem): void {
    this.n++;
    if (this.shown.length < KEPT) this.shown.push(item);
    const { where, image, reason } = item;
    const kind =
      reason === NO_SUCH_FILE
        ? 'missing'
        : reason.includes('a link that leads out')
          ? 'links that lead out'
          : 'unreadable';
    const first = kind === 'missing' ? image : `${where}: ${image}: ${reason}`;
    const known = this.kinds.get(kind);
    // Several are looked at at once: the first by name is the same every time.
    this.kinds.set(kind, { n: (known?.n ?? 0) + 1, first: known && known.first < first ? known.first : first });
  }

  facts(): Record<string, string | number> {
    const facts: Record<string, string | number> = {};
    for (const kind of ['missing', 'unreadable', 'links that lead out']) {
      const { n, first } = this.kinds.get(kind) ?? { n: 0, first: '' };
      if (n > 0 || kind !== 'links that lead out') facts[kind === 'missing' ? 'missing pictures' : kind] = n;
      if (n > 0) facts[`first ${kind}`] = first;
    }
    return facts;
  }
}

/** How many pictures there are of each size. */
class Sizes {
  private readonly counts = new Map<string, { n: number; width: number; height: number; first: string }>();

  add({ width, height }: { width: number; height: number }, image: string): void {
    const key = `${width} x ${height}`;
    const known = this.counts.get(key);
    if (!known) this.counts.set(key, { n: 1, width, height, first: image });
    else {
      known.n++;
      if (image < known.first) known.first = image;
    }
  }

  facts(): Record<string, string | number> {
    const sizes = [...this.counts].sort(([, a], [, b]) => b.n - a.n || a.width * a.height - b.width * b.height);
    if (sizes.length === 0) return {};
    const [[usual, { n }]] = sizes;
    if (sizes.length === 1) return { sizes: usual };
    const all = sizes.reduce((sum, [, of]) => sum + of.n, 0);
    const area = ([, a]: (typeof sizes)[number]): number => a.width * a.height;
    const [least, most] = [
      sizes.reduce((a, b) => (area(b) < area(a) ? b : a)),
      sizes.reduce((a, b) => (area(b) > area(a) ? b : a)),
    ];
    const facts: Record<string, string> = { sizes: `${sizes.length}, from ${least[0]} to ${most[0]}` };
    if (2 * n <= all) return facts;
    const odd = sizes.slice(1);
    const first = odd.map(([size, of]) => ({ size, name: of.first })).reduce((a, b) => (b.name < a.name ? b : a));
    return { ...facts, 'odd sizes': `${all - n} of ${all} are not ${usual}, such as ${first.name}: ${first.size}` };
  }
}

type Rooted = readonly (readonly [string, AnnotationSet])[];

/** The same content under several names, in one set and in both; found by prints, and proven by all bytes. */
async function findTwice(
  rooted: Rooted,
  prints: Float64Array,
  whole: Uint8Array,
): Promise<{ of: Record<string, Record<string, string | number>>; both: Record<string, string | number> }> {
  const place = (k: number): { set: string; path: string; image: string; expression: number } => {
    let at = k;
    for (const [set, { samples, root }] of rooted) {
      if (at < samples.length) {
        const image = samples.imageAt(at);
        return { set, path: resolve(root as string, image), image, expression: samples.expressionAt(at) };
      }
      at -= samples.length;
    }
    throw new InputError(`no sample ${k}`);
  };
  const again = new Map<string, { n: number; first: string }>();
  const note = (what: string, first: string): void => {
    const noted = again.get(what);
    if (noted) noted.n++;
    else again.set(what, { n: 1, first });
  };
  const known = new Uint32Array(prints.length);
  let n = 0;
  for (let k = 0; k < prints.length; k++) if (!Number.isNaN(prints[k])) known[n++] = k;
  const order = known.subarray(0, n).sort((a, b) => prints[a] - prints[b] || a - b);
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && prints[order[to]] === prints[order[from]]) to++;
    if (to - from > 1) {
      const same = [...order.subarray(from, to)].map((k) => ({ ...place(k), sure: whole[k] === 1 }));
      for (const group of await byContent(same)) {
        const [one] = group;
        for (const [set] of rooted) {
          const paths = new Map(group.filter((of) => of.set === set).map((of) => [of.path, of.image]));
          const [a, b] = paths.values();
          if (b !== undefined) note(set, `${a} and ${b}`);
        }
        const other = group.find(({ set }) => set !== one.set);
        if (other) note('both', `${one.set}: ${one.image} and ${other.set}: ${other.image}`);
        const unlike = group.find(({ path, expression }) => path !== one.path && expression !== one.expression);
        if (unlike) note('classes', `${one.set}: ${one.image} and ${unlike.set}: ${unlike.image}`);
      }
    }
    from = to;
  }
  const told = (what: string): string | number => {
    const { n, first } = again.get(what) ?? { n: 0, first: '' };
    return n > 0 ? `${n}, the first ${first}` : 0;
  };
  return {
    of: Object.fromEntries(rooted.map(([set]) => [set, { 'the same picture more than once': told(set) }])),
    both: {
      ...(rooted.length > 1 && { 'the same picture in training and validation': told('both') }),
      ...(again.has('classes') && { 'the same picture with different classes': told('classes') }),
    },
  };
}

/** Groups of two and more of which all bytes are the same. */
async function byContent<T extends { path: string; sure: boolean }>(likely: readonly T[]): Promise<T[][]> {
  if (likely.every(({ sure }) => sure)) return [[...likely]];
  const groups = new Map<string, T[]>();
  for (const of of likely) {
    const hash = createHash('sha1');
    try {
      for await (const chunk of createReadStream(of.path)) hash.update(chunk);
    } catch {
      continue; // gone meanwhile
    }
    const key = hash.digest('hex');
    groups.set(key, [...(groups.get(key) ?? []), of]);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}
