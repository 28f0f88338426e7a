// Tries one case without the fuzzer: FUZZ_TARGET names the target, FUZZ_CASE the file.
import { readFileSync } from 'node:fs';
import { attempt } from './target';
import { TARGETS } from './targets';

const { target } = await TARGETS[process.env.FUZZ_TARGET as string]();
console.log(
  (await attempt(target, new Uint8Array(readFileSync(process.env.FUZZ_CASE as string)))) ? 'read' : 'refused',
);
