// The thread that has MPI: it alone calls the library, and waits inside a call only to join and to leave. Elsewhere it asks and sleeps in
// turn, which is as fast, leaves the cores to those who compute, and can be ended.
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Library, Pending } from './library';
import { type Add, distinct, type Failure, type FromThread, failureLine, type ToThread } from './messages';
import { endAllByLauncher } from './pmi';
import { addOnto } from './ranks';
import { COURSE, type News, Ring } from './ring';

/** What all do together; the heads of a call say which it is. */
const CALLS = ['gather', 'add', 'close', 'fail'] as const;
type Call = (typeof CALLS)[number];

/** Words of a head: call, size, how, exit code. */
const HEAD = 4;
/** Of how: this rank has a part, which others need not; and what must be the same for all. */
const HAS_PART = 1;
const how = ({ fresh, flush }: Add): number => (fresh ? 2 : 0) | (flush.inputs ? 4 : 0) | (flush.results ? 8 : 0);

/** Milliseconds of sleep between two questions: while data move, while others are awaited, and while nothing is under way. */
const SLEEP = { moving: 0.1, waiting: 1, idle: 20 } as const;
/** Milliseconds for which others are taken to come any moment. */
const SOON = 50;
/** Milliseconds between two looks at the ring. */
const LOOK = 20;
/** Milliseconds that main threads have, once a rank fails: to say that they do so too, and to come to the end. */
const OWN_WORD = 1000;
const UNWIND = 10_000;
/** Milliseconds that they have for a last word once a rank is lost; the longer for who has only heard of it. */
const LAST_WORD = 1500;
/** Others may stay behind for so many times the longest way from one call to the next, at least. */
const LONGEST = 10;
/** Bytes that can be gathered: MPI counts them by 31 bits. */
const MOST = 2 ** 31 - 1;

const now = (): number => performance.now();

export class Thread {
  private readonly ring: Ring;
  private readonly rank: number;
  private hosts: readonly string[] = [];
  private limit = Number.POSITIVE_INFINITY;
  private calls = 0;
  /** Since when others are awaited in a call. */
  private since: number | null = null;
  private lastCall = now();
  private longest = 0;
  private looked = Number.NEGATIVE_INFINITY;
  private heardAt: number | null = null;
  private failures: readonly Failure[] | null = null;
  private unwound = false;
  private deadline = Number.POSITIVE_INFINITY;
  private parts = new Float32Array(0);
  private slice = new Float32Array(0);

  constructor(
    private readonly library: Library,
    private readonly size: number,
    private readonly port: MessagePort,
    private readonly bell: Int32Array<SharedArrayBuffer>,
  ) {
    this.rank = library.rank;
    this.ring = new Ring(library, this.rank, size);
  }

  /** Does what the main thread asks for, to the end. */
  run(): void {
    this.hosts = this.gather(Buffer.from(hostname())).map((bytes) => Buffer.from(bytes).toString());
    const { title, name } = this.library;
    this.tell({ joined: `${title} (${name})`, hosts: this.hosts });
    for (;;) {
      const rung = Atomics.load(this.bell, 0);
      const received = receiveMessageOnPort(this.port);
      if (received) {
        if (this.does(received.message as ToThread)) return;
        continue;
      }
      this.look();
      if (this.ring.news.course === COURSE.failing && !this.failures) {
        this.heardAt ??= now();
        if (now() - this.heardAt > OWN_WORD) this.fail(null);
      }
      Atomics.wait(this.bell, 0, rung, SLEEP.idle);
    }
  }

  /** @returns whether that was the end */
  private does(message: ToThread): boolean {
    if ('limit' in message) this.limit = message.limit;
    else if ('close' in message) return this.close(message.close);
    else if (this.failures) this.tell({ failures: this.failures });
    else if ('fail' in message) this.fail(message.fail);
    else {
      const done = 'add' in message ? this.add(message) : this.gather(message.gather);
      // Else that has been told.
      if (!this.failures) this.tell({ done });
    }
    return false;
  }

  private tell(message: FromThread): void {
    this.port.postMessage(message);
  }

  private add(call: Add): Uint8Array[] {
    const { add: sum, part, fresh, flush } = call;
    const { library, size, rank } = this;
    const heads = this.meet('add', sum.length, how(call) | (part ? HAS_PART : 0));
    if (!heads) return [];
    // In slices: a rank gets its own of all parts, and gives everybody its sum.
    const count = Math.ceil(sum.length / size);
    if (this.slice.length < count) {
      this.slice = new Float32Array(count);
      this.parts = new Float32Array(count * size);
    }
    const { slice, parts } = this;
    const whole = ({ buffer, byteOffset }: Float32Array): Float32Array =>
      new Float32Array(buffer, byteOffset, count * size);
    this.move(library.alltoall(whole(part ?? sum), parts, count));
    const own = sum.subarray(rank * count, (rank + 1) * count);
    const mine = slice.subarray(0, own.length);
    mine.set(own);
    let begun = !fresh;
    for (let r = 0; r < size; r++) {
      if (!(heads[r * HEAD + 2] & HAS_PART)) continue;
      const other = parts.subarray(r * count, r * count + own.length);
      if (begun) addOnto(mine, other, flush);
      else mine.set(other);
      begun = true;
    }
    this.move(library.allgather(slice, whole(sum), count));
    return [];
  }

  private gather(bytes: Uint8Array): Uint8Array[] {
    const heads = this.meet('gather', bytes.length);
    return heads ? this.exchange(bytes, heads) : [];
  }

  /** Each rank's bytes, of which the heads say how many they are. */
  private exchange(bytes: Uint8Array, heads: Int32Array): Uint8Array[] {
    const counts = Int32Array.from({ length: this.size }, (_, r) => heads[r * HEAD + 1]);
    const total = counts.reduce((sum, n) => sum + n, 0);
    if (total > MOST) {
      this.failed([this.failure(0, `${total} bytes were to be gathered: expected less than 2 GiB`)]);
      return [];
    }
    const places = new Int32Array(this.size);
    for (let r = 1; r < this.size; r++) places[r] = places[r - 1] + counts[r - 1];
    const all = new Uint8Array(total);
    this.move(this.library.allgatherv(bytes, all, counts, places));
    return Array.from(counts, (n, r) => all.slice(places[r], places[r] + n));
  }

  /**
   * Waits until all ranks have come to a call, and sees that it is the same.
   * @returns the heads of all; null: the ranks have failed
   */
  private meet(call: Call, length: number, how = 0, exitCode = 0, text?: Uint8Array): Int32Array | null {
    const own = Int32Array.of(CALLS.indexOf(call), length, how, exitCode);
    const heads = new Int32Array(HEAD * this.size);
    this.calls++;
    this.since = now();
    const all = this.library.allgather(own, heads, HEAD);
    while (!this.library.test(all)) this.pause(now() - this.since < SOON ? SLEEP.moving : SLEEP.waiting);
    this.since = null;
    this.longest = Math.max(this.longest, now() - this.lastCall);
    this.lastCall = now();
    const callOf = (r: number): Call => CALLS[heads[r * HEAD]];
    const ranks = Array.from({ length: this.size }, (_, r) => r);
    if (ranks.some((r) => callOf(r) === 'fail')) {
      // Those who have no word themselves have no bytes either.
      for (const r of ranks) if (callOf(r) !== 'fail') heads[r * HEAD + 1] = 0;
      const texts = this.exchange(text ?? new Uint8Array(0), heads).map((bytes) => Buffer.from(bytes).toString());
      this.failed(ranks.filter((r) => texts[r] !== '').map((r) => this.failure(r, texts[r], heads[r * HEAD + 3])));
      return null;
    }
    const saysOf = (r: number): string => {
      const [, length, how] = heads.subarray(r * HEAD, (r + 1) * HEAD);
      return callOf(r) === 'add'
        ? `adds ${length} numbers (${how & ~HAS_PART})`
        : SAYS[callOf(r) as 'gather' | 'close'];
    };
    const other = ranks.find((r) => saysOf(r) !== saysOf(0));
    if (other === undefined) return heads;
    this.failed([this.failure(other, `it ${saysOf(other)} where rank 0 ${saysOf(0)}`)]);
    return null;
  }

  private failure(rank: number, message: string, exitCode = 1, told = false): Failure {
    return { rank, host: this.hosts[rank] ?? '', message, exitCode, told };
  }

  /** Tells all that this rank fails, or, of others that do, that it has heard of it. */
  private fail(own: Pick<Failure, 'message' | 'exitCode'> | null): void {
    if (own) this.ring.find(COURSE.failing, this.rank);
    const text = Buffer.from(own?.message ?? '');
    this.meet('fail', text.length, 0, own?.exitCode, text);
  }

  private failed(failures: readonly Failure[]): void {
    this.failures = failures;
    this.deadline = now() + UNWIND;
    this.tell({ failures });
  }

  /** @returns whether all have come to the end */
  private close(exitCode: number): boolean {
    this.unwound = true;
    const heads = this.meet('close', 0, 0, exitCode);
    if (!heads) return false;
    const codes = Array.from({ length: this.size }, (_, r) => heads[r * HEAD + 3]);
    const closing = this.failures?.[0].exitCode ?? codes.find((code) => code !== 0) ?? 0;
    this.tell({ closing });
    this.ring.end();
    while (!this.ring.isOver) this.pause(SLEEP.waiting);
    // MPICH's launcher ends with 0 as often as not where it has passed a signal on, whatever its ranks end with: it has to be told.
    if (closing <= 128 || this.rank > 0 || !endAllByLauncher(closing)) this.library.finalize();
    this.tell({ closed: true });
    return true;
  }

  /** Until data have come for which no rank is awaited; some libraries move them only while they are asked. */
  private move(request: Pending): void {
    while (!this.library.test(request)) this.pause(SLEEP.moving);
  }

  private pause(milliseconds: number): void {
    this.look();
    Atomics.wait(NEVER, 0, 0, milliseconds);
  }

  private look(): void {
    const time = now();
    if (time - this.looked < LOOK) return;
    this.looked = time;
    const { calls, since } = this;
    const limit = Math.max(this.limit, LONGEST * this.longest);
    this.ring.look({ calls, waited: since === null ? 0 : time - since, limit });
    if (this.ring.news.course > COURSE.failing) this.lost(this.ring.news);
    if (time < this.deadline) return;
    // The main thread has not come to say it.
    const { failures } = this;
    if (failures && this.rank === 0 && !this.unwound) for (const line of distinct(failures)) say(`error: ${line}`);
    this.abort(failures?.[0].exitCode ?? 1);
  }

  /** A rank is dead, stopped, or lives and does nothing. */
  private lost({ course, rank, seconds }: News): never {
    const { found } = this.ring;
    const what =
      course === COURSE.lost
        ? `no answer for ${seconds} s: it is dead or stopped; all ranks end`
        : `alive, but nothing came of it for ${seconds} s (--rank_timeout); all ranks end`;
    const failure = this.failure(rank, what, 1, true);
    if (found) say(`error: ${failureLine(failure)}`);
    this.tell({ failures: [failure] });
    const end = now() + (found ? LAST_WORD : 2 * LAST_WORD);
    while (now() < end) {
      this.ring.look({ calls: this.calls, waited: 0, limit: Number.POSITIVE_INFINITY });
      Atomics.wait(NEVER, 0, 0, LOOK);
    }
    return this.abort(1);
  }

  private abort(exitCode: number): never {
    this.library.abort(exitCode);
    return process.exit(exitCode);
  }
}

const SAYS = { gather: 'gathers', close: 'has come to its end' } as const;

/** Nobody rings it. */
const NEVER = new Int32Array(new SharedArrayBuffer(4));

/** At once, whatever the main thread does. */
const say = (line: string): void => void writeSync(2, `${line}\n`);
