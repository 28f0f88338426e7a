/**
 * What `work` gives, or the signal's reason as soon as that is aborted: the work then goes on unheard, and `late` gets what it still gives.
 * @throws the signal's reason
 */
export function orAborted<T>(work: Promise<T>, signal?: AbortSignal, late?: (value: T) => void): Promise<T> {
  if (!signal) return work;
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    work
      .then((value) => {
        if (signal.aborted) late?.(value);
        resolve(value);
      }, reject)
      .finally(() => signal.removeEventListener('abort', stop));
  });
}

/** The longest that a timer waits, in milliseconds. */
const LONGEST = 2 ** 31 - 1;

/** A signal that is aborted in so many milliseconds, however many; it keeps no program alive. */
export function timeLimit(milliseconds: number): AbortSignal {
  const controller = new AbortController();
  const wait = (left: number): void => {
    const part = Math.min(left, LONGEST);
    AbortSignal.timeout(part).addEventListener('abort', () => (left > part ? wait(left - part) : controller.abort()));
  };
  wait(Math.ceil(milliseconds));
  return controller.signal;
}
