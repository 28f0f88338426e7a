// The page in a Chromium: as a report from a file.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PageRun } from '../../src/page/protocol';
import { openChromium } from '../browser/chromium';
import { madeRun, madeSteps, writePage } from './report_page';

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

/** A report of two runs, opened. */
async function opened(width: number, colorScheme: 'light' | 'dark'): Promise<{ page: Page; wrong: string[] }> {
  const page = await browser!.newPage({ viewport: { width, height: 800 }, colorScheme, reducedMotion: 'reduce' });
  page.setDefaultTimeout(60_000);
  const wrong = watch(page);
  const file = join(folder, 'two.html');
  writePage(file, { kind: 'report', version: '0.2.0', made: '2026-11-29T12:00:00Z', runs: [madeRun(0), madeRun(1)] });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector('h1');
  return { page, wrong };
}

/** Titles of the views that the page offers. */
const views = (page: Page): Promise<string[]> => page.locator('nav a').allTextContents();

tried('axe finds nothing serious, in light and in dark, on any view', async () => {
  const source = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const scheme of ['light', 'dark'] as const) {
    const { page, wrong } = await opened(1280, scheme);
    await page.evaluate(source);
    for (const view of await views(page)) {
      await page.getByRole('navigation').getByText(view, { exact: true }).click();
      await page.getByRole('heading', { level: 1, name: view }).waitFor();
      // What is folded away is the page's too.
      await page.locator('main details').evaluateAll((all) => {
        for (const one of all as HTMLDetailsElement[]) one.open = true;
      });
      await page.waitForTimeout(100);
      const found = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
        return (await axe.run({ resultTypes: ['violations'] })).violations.map(
          (v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`,
        );
      });
      const bad = found.filter((line) => /^(serious|critical)/.test(line));
      assert.equal(bad, [], `${view}, ${scheme}`);
    }
    assert.equal(wrong, []);
    await page.close();
  }
});

interface AxeResults {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly nodes: readonly { readonly html: string }[];
  }[];
}

tried('the keyboard alone reaches every view, moves a cursor and zooms; colours are chosen and kept', async () => {
  const { page } = await opened(1280, 'light');
  const focused = () => page.evaluate(() => document.activeElement?.textContent ?? '');
  for (const view of await views(page)) {
    // From the top again, as somebody would who has just come.
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    for (let i = 0; i < 40 && (await focused()) !== view; i++) await page.keyboard.press('Tab');
    assert.is(await focused(), view);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: view }).waitFor();
  }
  await page.goto(`${page.url().split('#')[0]}#curves`);
  const chart = page.getByRole('application', { name: 'Loss by step' });
  await chart.locator('canvas').waitFor();
  await chart.focus();
  await page.keyboard.press('ArrowRight');
  const head = page.locator('.chart header').first();
  await head.getByText(/^step \d+$/).waitFor();
  const words = page.locator('.chart [aria-live]').first();
  assert.match((await words.textContent()) ?? '', /^step \d+: runs\/made-0 Train [\d.]+, /);
  await page.keyboard.press('+');
  await page.locator('button:enabled', { hasText: 'Reset zoom' }).waitFor();
  await page.keyboard.press('Escape');
  await page.locator('button:disabled', { hasText: 'Reset zoom' }).waitFor();
  const numbers = page.locator('.chart').first().locator('details');
  await numbers.locator('summary').press('Enter');
  await numbers.locator('tbody tr').nth(10).waitFor();

  await page.getByRole('button', { name: 'Dark colours' }).press('Enter');
  await page.locator('html[data-theme=dark]').waitFor();
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await ground();
  await page.reload();
  await page.waitForSelector('h1');
  assert.is(await ground(), dark);
  assert.not.match(dark, /25\d/);
  await page.close();
});

tried('360 pixels are enough: no view is wider than a phone', async () => {
  const { page } = await opened(360, 'light');
  for (const view of await views(page)) {
    await page.getByRole('navigation').getByText(view, { exact: true }).click();
    await page.getByRole('heading', { level: 1, name: view }).waitFor();
    await page.waitForTimeout(100);
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, view);
  }
  await page.close();
});

tried('runs that are not chosen are not shown', async () => {
  const { page } = await opened(1280, 'light');
  assert.is(await page.locator('.one').count(), 2);
  await page.getByRole('checkbox', { name: /made-1/ }).uncheck();
  assert.is(await page.locator('.one').count(), 1);
  await page.getByRole('checkbox', { name: /made-0/ }).uncheck();
  await page.getByText('No run is chosen.').waitFor();
  await page.close();
});

tried(
  'a run of which little is left is shown as far as it goes, and a view that stumbles leaves the others alone',
  async () => {
    const page = await browser!.newPage();
    page.setDefaultTimeout(60_000);
    const wrong = watch(page);
    const file = join(folder, 'broken.html');
    const none = {
      args: {},
      manifest: null,
      metrics: null,
      epochs: [],
      predictions: null,
      graph: null,
      profile: null,
      log: [],
    };
    const odd = {
      args: { epochs: 'ten', betas: null, classes: {} },
      metrics: { best_epoch: 'x' },
      layers: [{ epoch: 1 }],
    };
    const runs = [
      { ...madeRun(0), ...none, layers: [], steps: madeSteps(0, 0, 1) },
      { ...madeRun(1), ...odd },
    ];
    writePage(file, { kind: 'report', version: '0.2.0', made: '', runs: runs as unknown as PageRun[] });
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('h1');
    for (const view of await views(page)) {
      await page.getByRole('navigation').getByText(view, { exact: true }).click();
      await page.getByRole('heading', { level: 1, name: view }).waitFor();
      const stumbled = await page.getByText('This view could not be drawn').count();
      assert.is(stumbled, view === 'Layers' ? 1 : 0, view);
    }
    assert.equal(wrong, []);
    await page.close();
  },
);

test.run();
