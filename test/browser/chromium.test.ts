// Chromium for tests: a page of a served folder has WebGPU, and one from an insecure origin has none.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { given } from '../given';
import { openChromium, serve } from './chromium';

const test = suite('chromium');
const browser = await openChromium();
const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
test.after(async () => {
  rmSync(folder, { recursive: true, force: true });
  await browser?.close();
});

given(
  test,
  browser !== null,
  'Chromium',
)('a page of a served folder has a device; what is not there is not found', async () => {
  writeFileSync(join(folder, 'index.html'), '<!doctype html><title>served</title>');
  const { url, close } = await serve(folder);
  const page = await (browser as NonNullable<typeof browser>).newPage();
  try {
    await page.goto(url);
    assert.is(await page.title(), 'served');
    const stage = await page.evaluate(async () => {
      const adapter = await navigator.gpu.requestAdapter();
      return (await adapter?.requestDevice())?.limits.maxStorageBuffersPerShaderStage;
    });
    assert.is(stage, 8);
    for (const path of ['gone.html', '..%2f..%2fetc%2fpasswd'])
      assert.is((await page.goto(url + path))?.status(), 404, path);
  } finally {
    await page.close();
    await close();
  }
});

test.run();
