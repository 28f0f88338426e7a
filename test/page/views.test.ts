// The page's views as somebody uses them, by pointer and by keyboard, in a Chromium: a report with a made-up run.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Locator, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { PagePredictions, PageRun } from '../../src/page/protocol';
import { pick } from '../../src/page/views/measures';
import { openChromium } from '../browser/chromium';
import { fakeRun } from './fake_run';
import { writePage } from './report_page';
import { longestTask } from './tasks';

const test = suite('views');
const browser = await openChromium();
const tried = browser ? test : test.skip;
const folder = mkdtempSync(join(tmpdir(), 'views-'));
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const WIDE = { width: 1360, height: 900 };

/** A report of `runs` in a page of its own; `wrong` gets what the page complains of. */
async function open(runs: readonly PageRun[], viewport = WIDE): Promise<{ page: Page; wrong: string[] }> {
  const file = join(folder, 'report.html');
  writePage(file, { kind: 'report', version: '0.2.0', made: '2026-11-29T12:00:00Z', runs });
  const page = await browser!.newPage({ viewport });
  page.setDefaultTimeout(60_000);
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && wrong.push(message.text()));
  page.on('dialog', (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => /^(file|data|blob):/.test(request.url()) || wrong.push(`asks for ${request.url()}`));
  await page.goto(pathToFileURL(file).href);
  await page.locator('h1').waitFor();
  return { page, wrong };
}

/** Goes to a view by its link. */
async function go(page: Page, title: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: title, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: title }).waitFor();
}

const texts = async (cells: Locator): Promise<string[]> => (await cells.allTextContents()).map((text) => text.trim());
const focused = (page: Page): Promise<string> => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');

const run = fakeRun();
const predictions = run.predictions as PagePredictions;
const confusion = run.metrics?.confusion as number[][];
const said = (truth: number, predicted: number): number => confusion[truth][predicted];

tried('a square of the confusion matrix leads to its faces, by click and by keyboard, and back', async () => {
  const { page, wrong } = await open([run]);
  await go(page, 'Confusion matrix');
  await page.getByText('Samples', { exact: true }).first().click();
  const grid = page.getByRole('grid', { name: /^Confusion matrix of/ });
  assert.equal(await texts(grid.getByRole('columnheader')), [...run.classes]);
  assert.equal(await texts(grid.getByRole('rowheader')), [...run.classes]);
  assert.equal((await texts(grid.getByRole('gridcell'))).slice(-64), confusion.flat().map(String));

  // One stop of Tab, arrows within, and not beyond.
  const cell = (row: number, column: number): Locator =>
    grid.locator(`tbody tr:nth-child(${row + 1}) td:nth-of-type(${column + 1})`);
  assert.is(await grid.locator('td[tabindex="0"]').count(), 1);
  await cell(0, 0).focus();
  await page.keyboard.press('ArrowLeft');
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowDown']) await page.keyboard.press(key);
  assert.is(await focused(page), String(said(1, 2)));
  await page.getByText(`of ${confusion[1].reduce((a, b) => a + b)} Happy taken for Sad`).waitFor();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Gallery' }).waitFor();
  await page.getByText(`${said(1, 2)} faces, wrong, the surest first`).waitFor();
  assert.is(await page.getByRole('combobox', { name: 'True' }).inputValue(), '1');
  assert.is(await page.getByRole('combobox', { name: 'Predicted' }).inputValue(), '2');
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Confusion matrix' }).waitFor();
  await cell(3, 3).click();
  await page.getByText(`${said(3, 3)} faces, the surest first`).waitFor();
  await page.goBack();

  // Sorted by F1, the lowest first.
  const table = page.getByRole('table', { name: /^How well each class/ });
  await table.getByRole('button', { name: 'F1' }).click();
  await table.getByRole('button', { name: 'F1' }).click();
  const scores = (await texts(table.locator('tbody td:last-child'))).map(Number);
  assert.equal(
    scores,
    [...scores].sort((a, b) => a - b),
  );
  assert.is(await table.locator('th[aria-sort]').getAttribute('aria-sort'), 'ascending');
  assert.equal(wrong, []);
  await page.close();
});

tried(
  'the gallery: the worst first, walked by keyboard, one face large; a picture that is not there is its name',
  async () => {
    const pictures = Object.fromEntries(
      Object.keys(run.predictions!.image).map((row) => [row, run.pictures![Number(row) % 40]]),
    );
    const rows = pick(predictions, { order: 'mistakes', truth: null, said: null });
    delete pictures[rows[1]];
    const { page, wrong } = await open([
      { ...run, pictures: { ...pictures, [rows[2]]: 'data:image/png;base64,AAAA' } },
    ]);
    await go(page, 'Gallery');
    const cards = page.locator('.card');
    await cards.nth(59).waitFor();
    const names = await cards.evaluateAll((all) => all.map((card) => (card as HTMLElement).title));
    assert.equal(
      names,
      [...rows.subarray(0, 60)].map((row) => predictions.image[row]),
    );
    assert.is(await cards.nth(0).locator('img').count(), 1);
    for (const gone of [1, 2]) {
      await cards.nth(gone).locator('.no-photograph').waitFor();
      assert.is(await cards.nth(gone).locator('.no-photograph').textContent(), names[gone].split('/')[1]);
    }
    await page.getByRole('button', { name: '60 more' }).click();
    await cards.nth(119).waitFor();

    await cards.nth(0).focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
    const at = await page.evaluate(() =>
      [...document.querySelectorAll('.card')].indexOf(document.activeElement as Element),
    );
    const tops = await cards.evaluateAll((all) => all.map((card) => card.getBoundingClientRect().top));
    assert.is(at, 1 + tops.filter((top) => top === tops[0]).length, 'down is the card below');
    await page.keyboard.press('Enter');
    const large = page.getByRole('dialog');
    await large.waitFor();
    await page.keyboard.press('ArrowRight');
    await large.getByText(predictions.image[rows[at + 1]], { exact: true }).waitFor();
    await large
      .getByText(
        `${run.classes[predictions.expression[rows[at + 1]]]} ${(100 * predictions.likelihood![rows[at + 1]]).toFixed(1)} %`,
      )
      .waitFor();
    await page.keyboard.press('Escape');
    await large.waitFor({ state: 'detached' });
    assert.is(
      await page.evaluate(() => [...document.querySelectorAll('.card')].indexOf(document.activeElement as Element)),
      at,
    );

    await page.getByText('Least sure').click();
    const unsure = pick(predictions, { order: 'unsure', truth: 4, said: null });
    await page.getByRole('combobox', { name: 'True' }).selectOption({ label: 'Fear' });
    await page.getByText(`${unsure.length} faces, the least sure first`).waitFor();
    assert.is(await cards.first().getAttribute('title'), predictions.image[unsure[0]]);
    // A data: address that is no picture is the one complaint.
    assert.equal(
      wrong.filter((line) => !line.includes('ERR_INVALID')),
      [],
    );
    await page.close();
  },
);

tried('the plane: a face under the pointer and under the arrow keys, its photograph, classes chosen', async () => {
  const beyond = predictions.valence!.map(([t, s], i): [number, number] => [t, i === 7 ? 1.7 : s]);
  const { page, wrong } = await open([{ ...run, predictions: { ...predictions, valence: beyond } }]);
  await go(page, 'Valence and arousal');
  await page.getByText('1 prediction lies beyond −1 to +1 and is drawn on the edge.').waitFor();
  const plot = page.getByRole('application', { name: /faces on the plane/ });
  assert.match((await plot.getAttribute('aria-label')) as string, /^4,000 faces/);
  // The canvas goes 6 pixels beyond the plane.
  const canvas = (await plot.locator('canvas').boundingBox())!;
  const box = { x: canvas.x + 6, y: canvas.y + 6, width: canvas.width - 12, height: canvas.height - 12 };
  const at = (v: number, a: number): [number, number] => [
    box.x + (box.width * (v + 1)) / 2,
    box.y + (box.height * (1 - a)) / 2,
  ];
  // The lowest: it stands alone.
  const [v, a] = [predictions.valence!, predictions.arousal!];
  const alone = predictions.image.map((_, i) => i).reduce((x, y) => (a[y][1] < a[x][1] ? y : x));
  await page.mouse.move(...at(v[alone][1] + 0.01, a[alone][1]));
  const tip = page.locator('.tip');
  await tip.getByText(predictions.image[alone].split('/')[1]).first().waitFor();
  const line = plot.locator('.cursor line').last();
  const scale = Number(await line.getAttribute('x1')) / box.width;
  assert.ok(Math.abs(2 * scale - 1 - v[alone][0]) < 0.01, 'the line begins at the truth');
  await page.mouse.move(box.x + box.width + 60, box.y - 60);
  await tip.waitFor({ state: 'detached' });

  await plot.focus();
  await page.keyboard.press('ArrowRight');
  await tip.waitFor();
  const first = await tip.textContent();
  const place = async (): Promise<number> => Number(await plot.locator('.cursor .said').getAttribute('cx'));
  const before = await place();
  await page.keyboard.press('Shift+ArrowRight');
  await page.waitForFunction((text) => document.querySelector('.tip')?.textContent !== text, first);
  assert.ok((await place()) > before, 'further right');
  assert.is(await page.locator('[aria-live]').first().textContent(), await tip.locator('span').last().textContent());
  await page.keyboard.press('Escape');
  await tip.waitFor({ state: 'detached' });

  // What is drawn: of one class one colour, and fewer pixels than of all.
  const pixels = (): Promise<{ drawn: number; colours: number }> =>
    plot.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
      const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true })!;
      copy.drawImage(canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
      const hues = new Set<number>();
      let drawn = 0;
      for (let i = 0; i < data.length; i += 4) {
        if (data[i + 3] < 100) continue;
        drawn++;
        const [r, g, b] = [data[i], data[i + 1], data[i + 2]];
        const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
        const [x, y, turn] = most === r ? [g, b, 0] : most === g ? [b, r, 2] : [r, g, 4];
        hues.add(Math.round(((x - y) / (most - least) + turn + 6) * 3) % 18);
      }
      return { drawn, colours: hues.size };
    });
  const settled = async (): Promise<{ drawn: number; colours: number }> => {
    await page.waitForTimeout(200);
    return pixels();
  };
  const all = await settled();
  await page.getByRole('button', { name: /^Happy/ }).click();
  const happy = await settled();
  assert.ok(happy.drawn > 0 && happy.drawn < all.drawn / 2, `${happy.drawn} of ${all.drawn}`);
  assert.ok(happy.colours <= 2 && all.colours > 4, `${happy.colours}, ${all.colours} colours`);
  assert.is(await page.getByRole('button', { name: /^Happy/ }).getAttribute('aria-pressed'), 'true');
  const listed = page.getByRole('table').locator('tbody tr');
  const far = await listed.locator('td:last-child').allTextContents();
  assert.is(far.length, 10);
  assert.equal(
    far,
    [...far].sort((x, y) => Number(y) - Number(x)),
  );
  await listed.nth(3).getByRole('button').focus();
  await tip
    .getByText((await listed.nth(3).getByRole('button').textContent()) as string)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'All', exact: true }).click();
  assert.equal(await settled(), all);
  assert.equal(wrong, []);
  await page.close();
});

tried('the label graph: a label by keyboard and pointer, what it takes before and after, as a matrix too', async () => {
  const { page, wrong } = await open([run]);
  await go(page, 'Label graph');
  const { nodes, after, before } = run.graph!;
  const radios = page.getByRole('radiogroup', { name: 'Labels of the graph' }).getByRole('radio');
  assert.is(await radios.count(), 10);
  await radios.first().focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.is(await radios.nth(2).getAttribute('aria-checked'), 'true');
  assert.is(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), nodes[2]);
  const table = page.getByRole('table', { name: `What the classifier of ${nodes[2]} takes` });
  await table.waitFor();
  const of = (share: readonly number[], i: number): string[] =>
    share
      .slice(i * 10, i * 10 + 10)
      .map((x, j): [number, number] => [after!.share[i * 10 + j], x])
      .filter(([x]) => x !== 0)
      .sort((a, b) => b[0] - a[0])
      .map(([, x]) => `${(100 * x).toFixed(1)} %`);
  assert.equal(await texts(table.locator('tbody td:last-child')), of(after!.share, 2));
  assert.equal(await texts(table.locator('tbody td:nth-last-child(2)')), of(before!.share, 2));
  await page.locator('.node .spot').nth(5).click();
  await page.getByRole('table', { name: `What the classifier of ${nodes[5]} takes` }).waitFor();
  assert.is(await page.getByRole('combobox', { name: 'Label' }).inputValue(), '5');

  await page.getByText('Matrix', { exact: true }).click();
  await page.getByText('Shares after').click();
  const grid = page.getByRole('grid', { name: /^Shares after/ });
  assert.is((await texts(grid.getByRole('gridcell'))).slice(-100)[23], (100 * after!.share[23]).toFixed(0));
  assert.equal(wrong, []);
  await page.close();
});

tried('layers: epochs by the slider, sorted, one unfolded; what vanishes and explodes is said in words', async () => {
  const { page, wrong } = await open([run]);
  await go(page, 'Layers');
  const table = page.getByRole('table', { name: /^Layers/ });
  const rows = table.locator('tbody tr');
  await rows.nth(120).waitFor();
  const words = async (): Promise<string[]> => texts(table.locator('.word.bad'));
  assert.equal(await words(), ['vanishing', 'exploding']);
  assert.match((await rows.nth(3).textContent()) as string, 'vanishing');
  await page
    .getByText('After epoch 12: 121 layers, 2 with a gradient that stands out, 1 with many dead units.')
    .waitFor();
  await page.getByRole('slider', { name: 'Epoch' }).focus();
  await page.keyboard.press('ArrowLeft');
  await page.getByText('After epoch 11: 121 layers, 1 with a gradient that stands out').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.word.bad').length === 1);
  await page.keyboard.press('Home');
  await page.getByText('Before training: 121 layers, none stands out').waitFor();
  await page.keyboard.press('End');

  await table.getByRole('button', { name: 'Gradient norm' }).click();
  await page.waitForFunction(() => document.querySelector('tbody .word')?.textContent === 'exploding');
  const first = rows.first().getByRole('button');
  await first.focus();
  await page.keyboard.press('Enter');
  assert.is(await first.getAttribute('aria-expanded'), 'true');
  // An outline an epoch that has one: none of gradients before training.
  assert.is(await page.locator('.ridges svg.weights path').count(), 12);
  assert.is(await page.locator('.ridges svg.gradients path').count(), 11);
  await page.keyboard.press('Enter');
  await page.locator('.ridges').waitFor({ state: 'detached' });

  await go(page, 'Kernels');
  const kernels = page.getByRole('table', { name: /^Ops of/ });
  assert.equal(
    await texts(kernels.locator('tbody th')),
    run.profile!.map(({ op }) => op),
  );
  await kernels.getByRole('button', { name: 'GFLOP/s' }).click();
  const best = [...run.profile!].sort((a, b) => b.gflops - a.gflops)[0];
  assert.is((await texts(kernels.locator('tbody th')))[0], best.op);

  await go(page, 'Reliability');
  assert.is(
    await page.locator('.reliability rect.right').count(),
    await page.getByRole('table').locator('tbody tr').count(),
  );
  assert.equal(wrong, []);
  await page.close();
});

const VIEWS = ['Confusion matrix', 'Gallery', 'Valence and arousal', 'Reliability', 'Label graph', 'Layers', 'Kernels'];

tried('no task of 4,000 faces, 121 layers and 12 epochs takes over 100 ms', async () => {
  const { page } = await open([run]);
  const part = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    const longest = await longestTask(browser!, page, 100, async () => {
      await act();
      await page.waitForTimeout(400);
    });
    assert.ok(longest <= 100, `${what}: a task of ${longest} ms`);
  };
  for (const view of VIEWS)
    await part(view, async () => {
      // Where it is done again, the view is opened again.
      await go(page, 'Settings');
      await go(page, view);
    });
  await go(page, 'Layers');
  await part('epochs', async () => {
    await page.getByRole('slider').focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
    await page.getByRole('button', { name: 'Gradient norm' }).click();
  });
  await go(page, 'Valence and arousal');
  await part('pointing', async () => {
    const box = (await page.locator('.plot canvas').boundingBox())!;
    await page.mouse.move(box.x, box.y);
    await page.mouse.move(box.x + box.width, box.y + box.height, { steps: 20 });
    await page.getByRole('button', { name: /^Sad/ }).click();
  });
  await page.close();
});

tried(
  'names with markup, sixty classes, one class, nothing at all, an older run: nothing breaks or overflows',
  async () => {
    const hostile = '<img src=x onerror=alert(1)> & "quotes" '.repeat(5);
    const sixty = Array.from({ length: 60 }, (_, i) => (i === 3 ? hostile : `class ${i}`));
    const older: PageRun = {
      ...fakeRun({ id: 'r2', samples: 50, layers: 3 }),
      metrics: { accuracy: 'none', confusion: [[1]], reliability: [null], per_class: 3 },
      profile: [],
    };
    const bare: PageRun = {
      ...older,
      ...{
        id: 'r3',
        classes: [],
        epochs: [],
        metrics: null,
        predictions: null,
        graph: null,
        layers: [],
        profile: null,
      },
    };
    const runs = [
      fakeRun({ name: hostile, classes: sixty, samples: 500, layers: 20 }),
      fakeRun({ id: 'r1', classes: ['only'], samples: 1, layers: 1, epochs: 1 }),
      {
        ...older,
        predictions: { ...older.predictions!, confidence: null, likelihood: null, valence: null, arousal: null },
        graph: { ...older.graph!, before: null, after: null },
      },
      bare,
    ];
    for (const width of [1360, 360]) {
      const { page, wrong } = await open(runs, { ...WIDE, width });
      for (const view of VIEWS) {
        await go(page, view);
        const choice = page.getByRole('combobox', { name: 'Run' });
        const ids = (await choice.count())
          ? await choice.locator('option').evaluateAll((all) => all.map((o) => (o as HTMLOptionElement).value))
          : [''];
        for (const id of ids) {
          if (id) await choice.selectOption(id);
          await page.waitForTimeout(100);
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(overflow <= width, `${view} of ${id} is ${overflow} wide at ${width}`);
          assert.is(await page.locator('main img[src="x"]').count(), 0);
          if (view !== 'Valence and arousal' && view !== 'Reliability') continue;
          assert.not.match(await page.locator('main').innerHTML(), /NaN|Infinity/);
        }
      }
      assert.equal(wrong, []);
      await page.close();
    }
    const { page, wrong } = await open([bare]);
    assert.equal(
      (await texts(page.getByRole('navigation').getByRole('link'))).filter((title) => VIEWS.includes(title)),
      [],
    );
    assert.equal(wrong, []);
    await page.close();
  },
);

test.run();
