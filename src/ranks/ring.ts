// That the others live. Beside all calls, each rank tells the next one once a second that it does, and how far it is: so each is watched
// by one other, whatever they wait for, and bad news goes round.
import type { Library, Pending } from './library';

/** What becomes of the job, from best to worst. */
export const COURSE = { well: 0, failing: 1, late: 2, lost: 3 } as const;

/** What a rank knows of the job's course. */
export interface News {
  readonly course: number;
  /** Whose fault it is. */
  readonly rank: number;
  /** For how long nothing came of it. */
  readonly seconds: number;
}

/** Milliseconds between two beats. */
const BEAT = 1000;
/** After how many without one a rank is lost. */
const LOST = 10_000;
/** After so many of no look at all it was this rank that slept, as with its laptop: then nobody else is blamed. */
const SLEPT = 3000;

/** For messages; what all do together has none. */
const TAG = 1;

/** What this rank is at. */
interface Standing {
  /** Calls that it has come to. */
  readonly calls: number;
  /** For how many milliseconds it has waited there for others. */
  readonly waited: number;
  /** For how many it may. */
  readonly limit: number;
}

export class Ring {
  /** The worst that is known. */
  news: News = { course: COURSE.well, rank: 0, seconds: 0 };
  /** Whether this rank has found it, and was not told. */
  found = false;
  private readonly next: number;
  private readonly previous: number;
  /** Of a beat: calls, course, rank, seconds, and whether it is the last. */
  private readonly heard = new Int32Array(5);
  private readonly said = new Int32Array(5);
  private receiving: Pending | null;
  private sending: Pending | null = null;
  private previousCalls = 0;
  private lastHeard: number;
  private lastSaid = Number.NEGATIVE_INFINITY;
  private lastLooked: number;
  private ending = false;

  constructor(
    private readonly library: Library,
    rank: number,
    size: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.next = (rank + 1) % size;
    this.previous = (rank + size - 1) % size;
    this.lastHeard = this.lastLooked = now();
    this.receiving = library.receive(this.heard, this.previous, TAG);
  }

  /** Hears, judges and tells: to be called several times a second. */
  look({ calls, waited, limit }: Standing): void {
    const now = this.now();
    if (now - this.lastLooked > SLEPT) this.lastHeard = now;
    this.lastLooked = now;
    this.hear(now);
    const silent = now - this.lastHeard;
    if (this.receiving && silent > LOST) this.find(COURSE.lost, this.previous, silent);
    else if (this.previousCalls < calls && waited > limit) this.find(COURSE.late, this.previous, waited);
    this.say(now, calls);
  }

  /** Notes what this rank has found out, if that is worse than what is known. */
  find(course: number, rank: number, milliseconds = 0): void {
    if (course <= this.news.course) return;
    this.news = { course, rank, seconds: Math.round(milliseconds / 1000) };
    this.found = true;
    this.lastSaid = Number.NEGATIVE_INFINITY;
  }

  /** The next beat is the last. */
  end(): void {
    this.ending = true;
    this.lastSaid = Number.NEGATIVE_INFINITY;
  }

  /** Whether the last beats have been said and heard: nothing is under way any more. */
  get isOver(): boolean {
    return this.said[4] === 1 && this.sending === null && this.receiving === null;
  }

  private hear(now: number): void {
    const { library, heard, previous } = this;
    while (this.receiving && library.test(this.receiving)) {
      this.lastHeard = now;
      const [calls, course, rank, seconds, isLast] = heard;
      this.previousCalls = calls;
      if (course > this.news.course) {
        this.news = { course, rank, seconds };
        this.lastSaid = Number.NEGATIVE_INFINITY;
      }
      this.receiving = isLast ? null : library.receive(heard, previous, TAG);
    }
  }

  private say(now: number, calls: number): void {
    const { library, said, next, news, ending } = this;
    if (this.sending && !library.test(this.sending)) return;
    this.sending = null;
    if (said[4] === 1 || now - this.lastSaid < BEAT) return;
    said.set([calls, news.course, news.rank, news.seconds, ending ? 1 : 0]);
    this.sending = library.send(said, next, TAG);
    this.lastSaid = now;
  }
}
