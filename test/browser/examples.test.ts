// The example pages as they stand, on the built package, as a person uses them.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES } from '../../src/base/emotions';
import { golden } from '../faces/goldens';
import { given } from '../given';
import { openChromium, serve } from './chromium';
import { bundleForPages } from './pages';

const test = suite('example pages');
const browser = await openChromium();
const inChromium = given(test, browser !== null, 'Chromium');
const folder = mkdtempSync(join(tmpdir(), 'examples-'));
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every example page has a test, and the first has 40 lines at most', () => {
  const text = readFileSync('test/browser/examples.test.ts', 'utf8');
  for (const name of readdirSync('examples').filter((f) => f.endsWith('.html')))
    assert.ok(text.includes(`'${name}'`), name);
  assert.ok(readFileSync('examples/page.html', 'utf8').split('\n').length <= 41);
});

/** Opens an example; what it writes to the console as an error fails it. */
async function opened(name: string) {
  if (!readdirSync(folder).includes('dist')) {
    bundleForPages({ browser: 'src/browser.ts' }, join(folder, 'dist'));
    cpSync('examples', join(folder, 'examples'), { recursive: true });
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(resolve('node_modules/@vladmandic'), join(folder, 'node_modules/@vladmandic'));
  }
  const { url, close } = await serve(folder);
  const page = await (browser as NonNullable<typeof browser>).newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.addInitScript(() => {
    // Chance and time that are the same in every run.
    let state = 1;
    Math.random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    Date.now = () => 1;
  });
  await page.goto(`${url}examples/${name}`);
  await page.getByText('Ready.').waitFor({ timeout: 120_000 });
  const status = page.locator('[role=status]');
  return {
    page,
    /** Waits until the page says so. */
    said: async (what: RegExp): Promise<string> => {
      await status.filter({ hasText: what }).waitFor({ timeout: 120_000 });
      return (await status.textContent()) ?? '';
    },
    async done() {
      assert.equal(errors, []);
      await page.close();
      await close();
    },
  };
}

inChromium('a picture that is chosen or dropped is looked at', async () => {
  const { page, said, done } = await opened('page.html');
  const { width, height, data } = golden('photo_009').picture('pixels');
  const buffer = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await page.getByLabel('Drop a picture').setInputFiles({ name: 'face.png', mimeType: 'image/png', buffer });
  const seen = new RegExp(`^(${CLASSES.join('|')}) \\d+ %$`);
  const first = await said(seen);
  await page.evaluate(
    async (bytes) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(bytes)], 'nothing.png', { type: 'image/png' }));
      dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, cancelable: true }));
    },
    [
      ...(await sharp({ create: { width: 40, height: 40, channels: 3, background: 'white' } })
        .png()
        .toBuffer()),
    ],
  );
  assert.is(await said(/No face/), 'No face was found.');
  assert.match(first, seen);
  await done();
});

inChromium('a network learns in the page', async () => {
  const { page, said, done } = await opened('train_page.html');
  await page.getByRole('button', { name: 'Learn' }).click();
  const first = Number((await said(/^Step \d+ of/)).match(/loss (\S+)$/)?.[1]);
  const last = Number((await said(/^Step (\d+) of \1:/)).match(/loss (\S+)$/)?.[1]);
  // From chance, log 3 = 1.10, in batches of 32.
  assert.ok(last < 0.8, `${first} to ${last}`);
  await page.getByText(/^a (circle|square|cross)$/).waitFor();
  await done();
});

test.run();
