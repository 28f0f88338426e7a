import type { Device, Storage } from '../device';
import { follow, LEFT_BYTES, type Left, type Moment, planOf } from '../kernels/batch_norm';
import type { Verdict } from '../kernels/guard';
import { Plans } from './plans';
import { Tensor } from './tensor';
import { Value } from './value';

/** What follows a norm's batches: the memory of its running mean and variance, and of how many they have taken in. */
interface Running {
  readonly statistics: readonly [mean: Storage, variance: Storage];
  readonly batches: Storage | null;
}

interface Waiting extends Left {
  readonly running: Running;
  readonly channels: number;
  readonly momentum: number;
}

/** Norms whose batch left its moments, in the order of their forwards; they lie so in memory, too. */
export type Norms = readonly Pick<Waiting, 'running' | 'channels' | 'momentum'>[];

/** Bytes of a page of moments (DenseNet-121 leaves two thirds of one a batch), and of memory for running statistics. */
const PAGE = 1 << 20;
const HOME = 1 << 19;
/** Pages that may wait: where no optimizer steps and nothing is read, more are not kept. */
const PAGES = 64;

/**
 * A training forward does not change the running statistics: it leaves its batch's moments here. They are taken in batch by batch, in
 * the order of the forwards, all norms in one launch: before an optimizer's step, so that a step can be left out as a whole and the
 * batches of a group go in together, if a guard does not refuse it; or, where none comes, before anything reads or writes a running
 * statistic (`Storage.pending`).
 */
class Moments {
  private readonly pages: Storage[] = [];
  private page = 0;
  /** Pairs of the page that are taken. */
  private taken = 0;
  private waiting: Waiting[] = [];
  /** A guard is going to judge them. */
  private held = false;
  private readonly plans: Plans;
  private home: Storage | null = null;
  private housed = 0;

  constructor(private readonly device: Device) {
    this.plans = new Plans(device, 'moments');
  }

  /** A place for the moments of a batch. */
  leave(running: Running, channels: number, momentum: number): Left {
    const { device } = this;
    this.touch();
    const left = { storage: this.roomFor(channels * LEFT_BYTES), first: this.taken };
    this.taken += 2 * channels;
    this.waiting.push({ ...left, running, channels, momentum });
    if (device.computing) for (const of of followers(running)) of.pending = this.apply;
    return left;
  }

  /** A dry run puts back what changes from here on. */
  private touch(): void {
    this.device.rememberState(this, () => {
      const { page, taken, waiting, held, home, housed } = this;
      const [pages, left] = [[...this.pages], [...waiting]];
      return () => {
        Object.assign(this, { page, taken, waiting: left, held, home, housed });
        this.pages.splice(0, this.pages.length, ...pages);
      };
    });
  }

  /** The page with so much left from `taken` on. */
  private roomFor(bytes: number): Storage {
    while (this.page < this.pages.length) {
      const page = this.pages[this.page];
      if (page.alive && this.taken * 8 + bytes <= page.bytes) return page;
      this.page++;
      this.taken = 0;
    }
    if (this.pages.length >= PAGES && this.waiting.length > 0 && !this.held) {
      this.apply();
      return this.roomFor(bytes);
    }
    this.pages.push(this.device.persistent(() => this.device.alloc(Math.max(PAGE, bytes), 'moments')));
    return this.roomFor(bytes);
  }

  readonly apply = (): void => this.take(null);

  /** Takes in all that wait, unless the verdict about their step refuses them. */
  take(verdict: Verdict | null): void {
    const { device } = this;
    launchesOf(this.drop()).forEach(({ page, running, vectors }, i) => {
      follow(device, vectors, this.plans.at(i, planOf(vectors)), page, running, verdict);
    });
  }

  /** Forgets all that wait. @returns them */
  drop(): readonly Waiting[] {
    const { device, waiting } = this;
    this.touch();
    Object.assign(this, { waiting: [], page: 0, taken: 0, held: false });
    if (device.computing) for (const { running } of waiting) for (const of of followers(running)) of.pending = null;
    return waiting;
  }

  hold(): void {
    this.touch();
    this.held = true;
  }

  /** Forgets all that wait, for whoever reads them: where they lie until the next forward. */
  collect(): { readonly norms: Norms; readonly memories: readonly Storage[] } {
    const { page, taken, pages, waiting } = this;
    const used = pages.slice(0, page + 1).map((storage, i) => {
      const pairs = waiting.filter((left) => left.storage === storage).map((left) => left.first + 2 * left.channels);
      return storage.range(0, 8 * (i === page ? taken : Math.max(0, ...pairs)), storage.label);
    });
    this.drop();
    return { norms: waiting, memories: used.filter(({ bytes }) => bytes > 0) };
  }

  /** Lets moments that were read wait once more. @param bytes one norm's after the other's */
  bring(norms: Norms, bytes: Uint8Array): void {
    let at = 0;
    let run: { readonly left: Left; bytes: number } | null = null;
    const put = (): void => {
      if (!run) return;
      this.device.upload(run.left.storage, bytes.subarray(at, at + run.bytes), 8 * run.left.first);
      at += run.bytes;
    };
    for (const { running, channels, momentum } of norms) {
      const left = this.leave(running, channels, momentum);
      const follows = run && run.left.storage === left.storage && run.left.first + run.bytes / 8 === left.first;
      if (run && follows) run.bytes += channels * LEFT_BYTES;
      else {
        put();
        run = { left, bytes: channels * LEFT_BYTES };
      }
    }
    put();
  }

  /** Memory for a running statistic, beside those of other norms, so that one launch changes all. */
  housing(channels: number): Storage {
    const bytes = Math.ceil((channels * 4) / 256) * 256;
    this.touch();
    if (!this.home?.alive || this.housed + bytes > this.home.bytes) {
      this.home = this.device.persistent(() => this.device.alloc(Math.max(HOME, bytes), 'running statistics'));
      this.housed = 0;
    }
    this.housed += bytes;
    return this.home.range(this.housed - bytes, channels * 4, 'running statistic');
  }
}

const followers = ({ statistics, batches }: Running): Storage[] =>
  batches ? [...statistics, batches] : [...statistics];

interface Follow {
  readonly page: Storage;
  readonly running: Storage;
  readonly vectors: readonly (readonly Moment[])[];
}

/** A launch for each page, in their order, and memory that running statistics lie in: of one model, one. */
function launchesOf(waiting: readonly Waiting[]): Follow[] {
  const launches = new Map<Storage, Map<Storage, Map<Storage, Moment[]>>>();
  const batchesOf = (page: Storage, storage: Storage): Moment[] => {
    const memories = getOr(launches, page, () => new Map());
    const vectors: Map<Storage, Moment[]> = getOr(memories, storage.whole ?? storage, () => new Map());
    return getOr(vectors, storage, () => []);
  };
  for (const { storage: page, running, first, channels, momentum } of waiting) {
    if (!page.alive) continue;
    running.statistics.forEach((storage, k) => {
      if (!storage.alive) return;
      batchesOf(page, storage).push({ at: placeOf(storage), channels, source: first + k * channels, momentum });
    });
    const { batches } = running;
    if (!batches?.alive) continue;
    const counted = batchesOf(page, batches);
    counted[0] = { at: placeOf(batches), channels: 0, source: 1 + (counted[0]?.source ?? 0), momentum: 0 };
  }
  return [...launches].flatMap(([page, memories]) =>
    [...memories].map(([running, vectors]) => ({ page, running, vectors: [...vectors.values()] })),
  );
}

const placeOf = ({ offset, whole }: Storage): number => (offset - (whole?.offset ?? offset)) / 4;

function getOr<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

const all = new WeakMap<Device, Moments>();

function momentsOf(device: Device): Moments {
  const found = all.get(device) ?? new Moments(device);
  all.set(device, found);
  return found;
}

/** Where a training forward leaves its batch's moments for a norm's running statistics; `batches` counts those taken in. */
export function leaveMoments(mean: Tensor, variance: Tensor, momentum: number, batches: Tensor | null): Left {
  const statistics = [mean.value.storage, variance.value.storage] as const;
  return momentsOf(mean.device).leave({ statistics, batches: batches?.value.storage ?? null }, mean.size, momentum);
}

/** Takes all moments that wait into the running statistics, in the order of their forwards, unless the verdict refuses their step. */
export const applyMoments = (device: Device, verdict: Verdict | null): void => momentsOf(device).take(verdict);

/** All moments that wait are going to be judged: none is taken in before, however many there are, unless a running statistic is read. */
export const holdMoments = (device: Device): void => momentsOf(device).hold();

/** Where all moments that wait lie, to be read before the next forward: they are forgotten. */
export const collectMoments = (device: Device): ReturnType<Moments['collect']> => momentsOf(device).collect();

/** Moments of a batch that came from elsewhere wait as if these norms' forwards had left them. */
export const bringMoments = (device: Device, norms: Norms, bytes: Uint8Array): void =>
  momentsOf(device).bring(norms, bytes);

/** Forgets all moments that wait: those of a step that is given up before the optimizer's turn. */
export const dropMoments = (device: Device): void => void momentsOf(device).drop();

/** A running statistic [C] of a norm, of undefined content, that lies beside those of the other norms of its device. */
export function runningStatistic(device: Device, channels: number, name: string): Tensor {
  const value = new Value(device, momentsOf(device).housing(channels), 1, channels, 'f32');
  value.outlivesStep = true;
  return new Tensor(value, [channels], 'plain', 0, channels, name);
}
