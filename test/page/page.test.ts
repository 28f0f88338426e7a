// The page in a Chromium: as a report from a file.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openChromium } from '../browser/chromium';
import { madeRun, writePage } from './made_runs';

const test = suite('page');
const browser = await openChromium();
const tried = browser ? test : test.skip;
const folder = mkdtempSync(join(tmpdir(), 'page-'));
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** What went wrong in a page: errors, console messages, requests. */
function watch(page: Page): string[] {
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
  page.on('request', (request) => /^(file|data|blob):/.test(request.url()) || wrong.push(`asks for ${request.url()}`));
  return wrong;
}

tried('a report opens from a disk, complains of nothing and asks for nothing', async () => {
  const page = await browser!.newPage();
  const wrong = watch(page);
  const file = join(folder, 'report.html');
  const runs = [madeRun(0), { ...madeRun(1), name: 'a </script><script>alert(1)</script> run' }];
  writePage(file, { kind: 'report', version: '0.2.0', made: '2026-11-29T12:00:00Z', runs });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('h1');
  assert.is(await page.textContent('h1'), 'Summary');
  assert.ok((await page.textContent('.runs'))?.includes('a </script><script>alert(1)</script> run'));
  assert.equal(wrong, []);
  await page.close();
});

test.run();
