import { existsSync } from 'node:fs';
import type { uvu } from 'uvu';

/** `test` where what it needs is there; else what it registers is counted as skipped, and said to lack `what`. */
export function given<T>(
  test: uvu.Test<T>,
  there: boolean,
  what: string,
): (name: string, run: uvu.Callback<T>) => void {
  if (there) return test;
  return (name, run) => {
    console.log(`skipped: ${name} (there is no ${what})`);
    test.skip(name, run);
  };
}

/** Material that is not part of the repository, where it lies next to it. */
export const SHARED = '../shared';

/** The same for a path below `SHARED`. */
export const givenShared = <T>(test: uvu.Test<T>, path: string) =>
  given(test, existsSync(`${SHARED}/${path}`), `${SHARED}/${path}`);
