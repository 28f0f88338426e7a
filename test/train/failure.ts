import * as assert from 'uvu/assert';

/** The error that a run ends with. */
export async function failure(run: Promise<unknown>): Promise<Error> {
  try {
    await run;
  } catch (error) {
    return error as Error;
  }
  return assert.unreachable('expected an error') as never;
}
