// The connection to a program that watches runs: what is there, then what changes; when it is lost, all over again.
import type { PageEvent } from './protocol';
import { readRuns } from './reader';
import { after, newLines, type ShownRun } from './state';

/** `ended`: the program said that it is done; `refused`: it does not take the link's token. */
export type Connection = 'connecting' | 'live' | 'lost' | 'ended' | 'refused';

/** Milliseconds before another try, the first time and at most. */
const [SOON, LATE] = [1000, 10_000];

/**
 * Follows the runs of the program that served this page.
 * @param tell called with the runs (null: not known yet) and how the connection stands, whenever either changes
 * @returns what ends it
 */
export function follow(tell: (runs: readonly ShownRun[] | null, connection: Connection) => void): () => void {
  const token = new URLSearchParams(location.search).get('token') ?? '';
  const address = (name: string): string => `${name}?token=${encodeURIComponent(token)}`;
  let runs: readonly ShownRun[] | null = null;
  let events: EventSource | null = null;
  let timer = 0;
  let wait = SOON;
  let over = false;

  const stop = (): void => {
    over = true;
    clearTimeout(timer);
    events?.close();
  };
  const again = (): void => {
    events?.close();
    if (over) return;
    tell(runs, 'lost');
    clearTimeout(timer);
    timer = window.setTimeout(open, wait);
    wait = Math.min(2 * wait, LATE);
  };

  // However many events a frame brings.
  let asked = false;
  const changed = (): void => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      if (!over && events?.readyState === EventSource.OPEN) tell(runs, 'live');
    });
  };

  function open(): void {
    const source = new EventSource(address('events'));
    events = source;
    // What comes before the runs themselves.
    let early: PageEvent[] | null = [];
    const take = (event: PageEvent): boolean => {
      const next = runs && after(runs, event);
      if (next) runs = next;
      return next !== null;
    };
    source.onopen = async () => {
      try {
        const all = await readRuns(address('runs'));
        if (all === 403) {
          stop();
          return tell(runs, 'refused');
        }
        if (typeof all === 'number') throw new Error(`runs: ${all}`);
        if (source !== events || over) return;
        runs = all;
        for (const event of early ?? []) {
          const log = runs.find((run) => run.id === event.id)?.log ?? [];
          take('log' in event ? { ...event, log: newLines(log, event.log) } : event);
        }
        early = null;
        wait = SOON;
        tell(runs, 'live');
      } catch {
        if (source === events) again();
      }
    };
    source.onerror = async () => {
      if (source !== events || over) return;
      again();
      // An EventSource does not say why.
      const answer = await fetch(address('runs'), { cache: 'no-store' }).catch(() => null);
      if (answer?.status === 403) {
        stop();
        tell(runs, 'refused');
      }
    };
    source.addEventListener('run', ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as PageEvent;
      if (early) early.push(event);
      else if (take(event)) changed();
      else again();
    });
    source.addEventListener('end', () => {
      stop();
      tell(runs, 'ended');
    });
  }

  tell(null, 'connecting');
  open();
  return stop;
}
