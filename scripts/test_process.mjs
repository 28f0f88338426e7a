// Runs the bundled test files that test.mjs sends, one after the other, up to an empty name; behind each it writes NUL and its own size
// in MiB.
import { resolve } from 'node:path';
import { run } from 'uvu/run';

/** Milliseconds in which the process has to end by itself once there is no more to do. */
const LAST = 30_000;

process.on('message', async (file) => {
  if (file === '') {
    process.disconnect();
    setTimeout(() => {
      console.log(`kept from ending by ${process.getActiveResourcesInfo().join(', ')}, which a test has left open`);
      process.exit(1);
    }, LAST).unref();
    return;
  }
  globalThis.UVU_QUEUE?.splice(0);
  try {
    await run([{ name: null, file: resolve(file).slice(1) }]);
  } catch (error) {
    console.log(`${error.stack ?? error}\n\n  Total:     1\n  Passed:    0\n`);
  }
  // Failures are counted by what is written.
  process.exitCode = 0;
  process.stdout.write(`\0${Math.round(process.memoryUsage.rss() / 2 ** 20)}\n`);
});
