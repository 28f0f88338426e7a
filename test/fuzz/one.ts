// What Jazzer.js calls with each case: FUZZ_TARGET names the target, FUZZ_CASE the file that holds the case, should it end the process.
import { ftruncateSync, openSync, writeSync } from 'node:fs';
import { attempt } from './target';
import { TARGETS } from './targets';

const { target } = await TARGETS[process.env.FUZZ_TARGET as string]();
const file = openSync(process.env.FUZZ_CASE as string, 'w');

export function fuzz(bytes: Buffer): Promise<boolean> {
  writeSync(file, bytes, 0, bytes.length, 0);
  ftruncateSync(file, bytes.length);
  return attempt(target, new Uint8Array(bytes));
}
