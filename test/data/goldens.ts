// Where the fixtures are, and how they are read.
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/formats/safetensors';

export function golden(path: string) {
  const { tensors, metadata } = readSafetensors(readFileSync(path), path);
  const bytes = (name: string) => tensors.get(name)!.data as Uint8Array;
  const floats = (name: string) => tensors.get(name)!.data as Float32Array;
  const doubles = (name: string) => tensors.get(name)!.data as Float64Array;
  const picture = (name: string) => {
    const [height, width] = tensors.get(name)!.shape;
    return { width, height, data: bytes(name) };
  };
  return { tensors, metadata, floats, doubles, picture };
}

/** Positions at which two arrays of one length differ: 0 means exactly the same bits. */
export function differences(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let n = 0;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) n++;
  return n;
}

/** Asserts that `run` ends with a message for the person who can mend it. */
export async function refusal(run: () => unknown, message: RegExp, name = 'InputError'): Promise<void> {
  let error: Error | undefined;
  try {
    await run();
  } catch (caught) {
    error = caught as Error;
  }
  assert.is(error?.name, name, `expected a refusal ${message}, found ${error}`);
  assert.match(error?.message ?? '', message);
}
