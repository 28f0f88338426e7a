// The measure of a page's tasks: it sees a page that computes and one that waits, and not what others do on the machine.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openChromium } from '../browser/chromium';
import { given } from '../given';
import { longestTask, waitedForCores } from './tasks';

const test = suite('tasks of a page');
const browser = await openChromium();
const tried = given(test, browser !== null, 'Chromium');
/** Answers after three seconds. */
const server = createServer((_, response) => setTimeout(() => response.end('<!doctype html>'), 3000));
test.before(() => new Promise<void>((done) => server.listen(0, '127.0.0.1', done)));
test.after(async () => {
  await browser?.close();
  server.close();
  server.closeAllConnections();
});

tried('a task that computes is as long as it computes', async () => {
  const page = await browser!.newPage();
  const longest = await longestTask(browser!, page, Number.POSITIVE_INFINITY, () =>
    page.evaluate(() => {
      const end = performance.now() + 800;
      while (performance.now() < end);
    }),
  );
  // Of its 800 ms others may have the most.
  assert.ok(longest > 50 && longest < 1000, String(longest));
});

given(
  test,
  browser !== null && waitedForCores() !== null,
  'Chromium, or Linux that tells who waits for a core',
)('a task that waits for an answer is as long as it waits', async () => {
  const page = await browser!.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const longest = await longestTask(browser!, page, Number.POSITIVE_INFINITY, () =>
    page.evaluate(() => {
      const request = new XMLHttpRequest();
      request.open('GET', location.href, false);
      request.send();
    }),
  );
  assert.ok(longest > 50, String(longest));
});

tried('short tasks are short on a machine that has more to do than cores', async () => {
  const page = await browser!.newPage();
  const others = Array.from({ length: 12 }, () => spawn(process.execPath, ['-e', 'for (;;);']));
  try {
    const longest = await longestTask(browser!, page, 50, () =>
      page.evaluate(async () => {
        for (let i = 0; i < 20; i++) {
          await new Promise((done) => setTimeout(done, 50));
          const end = performance.now() + 2;
          while (performance.now() < end);
        }
      }),
    );
    assert.ok(longest < 50, String(longest));
  } finally {
    for (const other of others) other.kill();
  }
});

test.run();
