// Opens the files that it is given again and again, as `inspect` does, and prints how many were refused, and what the process holds
// after a tenth of them and after all: bytes of its heap and beside it, and open files. Run with --expose-gc.
import { readdirSync } from 'node:fs';
import { InputError } from '../../src/base/errors';
import { inspect } from '../../src/train/inspect';

const [count, ...files] = process.argv.slice(2);

async function held(): Promise<{ bytes: number; open: number }> {
  await new Promise((done) => setTimeout(done, 50));
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return { bytes: heapUsed + external, open: readdirSync('/proc/self/fd').length };
}

let refused = 0;
let early = await held();
for (let i = 1; i <= Number(count); i++) {
  await inspect(files[i % files.length], null, { imageDir: null, dataset: null, numClasses: 7, maxBad: 0.01 }).catch(
    (error) => {
      if (error instanceof InputError) refused++;
    },
  );
  if (i === Number(count) / 10) early = await held();
}
console.log(JSON.stringify({ refused, early, late: await held() }));
