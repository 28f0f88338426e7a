// What Jazzer.js calls with each case: FUZZ_TARGET names the target.
import { attempt } from './target';
import { TARGETS } from './targets';

const { target } = await TARGETS[process.env.FUZZ_TARGET as string]();

export const fuzz = (bytes: Buffer): Promise<boolean> => attempt(target, new Uint8Array(bytes));
