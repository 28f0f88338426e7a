// The page beside a program that serves it runs: what comes is shown, and 100,000 steps are drawn, zoomed and appended to without a long task.
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Smoothed } from '../../src/page/curves/numbers';
import { figures } from '../../src/page/format';
import type { PageEvent, PageRun } from '../../src/page/protocol';
import { openChromium } from '../browser/chromium';
import { madeRun, madeSteps, pageOf } from './report_page';
import { longestTask } from './tasks';

const test = suite('live page');
const browser = await openChromium();
const tried = browser ? test : test.skip;

const open = async (): Promise<Page> => {
  const page = await browser!.newPage({ viewport: { width: 1280, height: 900 } });
  page.setDefaultTimeout(60_000);
  return page;
};

const TOKEN = 'a+b/c';

/** What the page is told, by a program of one function each. */
class Program {
  url = '';
  runs: readonly PageRun[] = [];
  /** What it says to who asks: 200, or 403 to refuse all. */
  status = 200;
  readonly asked: string[] = [];
  private readonly streams = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    this.asked.push(url.pathname);
    if (this.status !== 200 || url.searchParams.get('token') !== TOKEN) response.writeHead(403).end();
    else if (url.pathname === '/') {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(pageOf({ kind: 'live', version: '0.2.0' }));
    } else if (url.pathname === '/runs') response.end(JSON.stringify(this.runs));
    else if (url.pathname === '/events') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      this.streams.add(response);
      response.on('close', () => this.streams.delete(response));
    } else response.writeHead(404).end();
  });

  say(event: PageEvent): void {
    for (const stream of this.streams) stream.write(`event: run\ndata: ${JSON.stringify(event)}\n\n`);
  }
  end(): void {
    for (const stream of this.streams) stream.write('event: end\ndata: {}\n\n');
  }
  /** Breaks every stream. */
  drop(): void {
    for (const stream of this.streams) stream.destroy();
  }
  async open(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/?token=${encodeURIComponent(TOKEN)}`;
  }
  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const programs: Program[] = [];
async function started(): Promise<Program> {
  const program = new Program();
  programs.push(program);
  await program.open();
  return program;
}
test.after(async () => {
  await browser?.close();
  for (const program of programs) program.close();
});

const state = (page: Page, text: string) => page.getByText(text, { exact: true }).waitFor();

tried('what a program says is shown as it comes; a lost connection comes back, and its end is said', async () => {
  const program = await started();
  program.runs = [madeRun(0)];
  const page = await open();
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  await page.goto(`${program.url}#log`);
  await state(page, 'Live');

  program.say({ id: 'r0', log: ['a line that just came'] });
  await page.getByText('a line that just came').waitFor();
  program.say({ id: 'r0', set: { name: 'renamed', problems: ['results.csv: line 3: expected a number'] } });
  await page.getByText('results.csv: line 3: expected a number').waitFor();
  const n = program.runs[0].steps.step.length;
  program.say({ id: 'r0', after: n, steps: madeSteps(n, n + 5, 40) });
  await page.goto(`${page.url().split('#')[0]}#summary`);
  await page
    .locator('.facts')
    .getByText(String(n + 5))
    .waitFor();

  await page.goto(`${page.url().split('#')[0]}#curves`);
  await page.locator('.chart canvas').first().waitFor();
  const other = madeSteps(0, 100, 40, 9);
  program.runs = [{ ...madeRun(0), name: 'after the break', steps: other }, madeRun(1)];
  program.drop();
  await state(page, 'Connection lost, trying again');
  await state(page, 'Live');
  await page.getByText('after the break').first().waitFor();
  const average = new Smoothed(0.6).of(Float64Array.from(other.loss as number[])).at(-1);
  assert.is(await page.locator('.chart td').first().textContent(), figures(average));
  // Steps that do not fit: all is asked for anew.
  program.say({ id: 'r0', after: 1e6, steps: madeSteps(0, 1, 40) });
  await state(page, 'Connection lost, trying again');
  await state(page, 'Live');
  const before = program.asked.length;
  program.end();
  await state(page, 'The program has ended');
  await page.waitForTimeout(1500);
  assert.is(program.asked.length, before, 'it is left alone');
  assert.equal(wrong, []);
  await page.close();
});

tried('a link whose token is not taken says so', async () => {
  const program = await started();
  const page = await open();
  await page.route('**/?token=*', (route) => {
    program.status = 403;
    return route.fulfill({ contentType: 'text/html', body: pageOf({ kind: 'live', version: '0.2.0' }) });
  });
  await page.goto(program.url);
  await state(page, 'Refused');
  await page.getByText('open the link that it printed').waitFor();
  await page.close();
});

const STEPS = 100_000;
/** Milliseconds of the longest task of the main thread. */
const LONGEST = 100;

tried('100,000 steps are drawn, zoomed and appended to, and no task takes over 100 ms', async () => {
  const program = await started();
  program.runs = [madeRun(0, { epochs: 10, each: STEPS / 10 })];
  const page = await open();
  const part = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    const longest = await longestTask(browser!, page, LONGEST, async () => {
      await act();
      await page.waitForTimeout(500);
    });
    assert.ok(longest <= LONGEST, `${what}: a task of ${longest} ms`);
  };
  const latest = () => page.locator('.chart').first().locator('td').first().textContent();

  await part('drawing', async () => {
    await page.goto('about:blank');
    await page.goto(`${program.url}#curves`);
    await page.locator('.chart canvas').first().waitFor();
  });
  await part('zooming', async () => {
    const box = (await page.locator('.u-over').first().boundingBox())!;
    await page.mouse.move(box.x + 0.3 * box.width, box.y + 50);
    await page.mouse.down();
    await page.mouse.move(box.x + 0.7 * box.width, box.y + 60, { steps: 4 });
    await page.mouse.up();
    await page.getByRole('button', { name: 'Reset zoom' }).click();
  });
  await part('smoothing', async () => {
    for (const share of ['0', '0.95']) await page.getByRole('slider').fill(share);
  });
  let after = STEPS;
  await part('growing', async () => {
    const before = await latest();
    for (let i = 0; i < 5; i++, after += 100) {
      program.say({ id: 'r0', after, steps: madeSteps(after, after + 100, STEPS / 10, i) });
      await page.waitForTimeout(50);
    }
    await page.waitForFunction((text) => document.querySelector('.chart td')?.textContent !== text, before);
  });
  await page.close();
});

test.run();
