// The static site in a Chromium, as a person uses it: pictures dropped, the camera (a fake one), a network of one's own, a lesson, its
// weights taken away and asked by `predict`, the graphics device lost. One page, from test to test.
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page, Worker } from 'playwright-core';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSafetensors } from '../../src/formats/safetensors';
import { buildModel } from '../../src/models';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import { predict } from '../../src/train/measures/predict';
import { expressionNetwork } from '../../src/train/run/expression_network';
import { openNetwork } from '../../src/train/run/network';
import type { Run } from '../../src/train/run/read_run';
import { openChromium, serve } from '../browser/chromium';
import { golden } from '../faces/goldens';
import { mockDevice } from '../mock_gpu';
import { longestTask } from './tasks';

const test = suite('site');
const browser = await openChromium(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
const tried = browser ? test : test.skip;
const folder = mkdtempSync(join(tmpdir(), 'site-'));
const at = (name: string): string => join(folder, name);

/** Numbers of one network on two adapters differ by less (as `predict --out` has it), and a share is shown to a tenth of a percent. */
const SAME = 1e-3 + 0.0005;

let page: Page;
let site: Awaited<ReturnType<typeof serve>>;
/** What anything of the page asked for, and what it complained of. */
const asked: string[] = [];
const wrong: string[] = [];

/** A page with the site that lies in a folder of its own, and whose worker runs `first` before all else. */
async function openSite(path: string, first: string): Promise<Page> {
  cpSync(at('built'), at(path), { recursive: true });
  // On the disk: of what a driver puts into an answer on its way, a policy is not what it is otherwise.
  const script = at(`${path}/worker.js`);
  writeFileSync(script, `${first}\n${readFileSync(script)}`);
  const opened = await browser!.newPage({ viewport: { width: 1280, height: 800 } });
  opened.setDefaultTimeout(60_000);
  opened.on('request', (request) => asked.push(request.url()));
  opened.on('console', (message) => {
    // Of the test's own looks at a canvas.
    const own = message.text().includes('willReadFrequently');
    if (['error', 'warning'].includes(message.type()) && !own) wrong.push(message.text());
  });
  opened.on('pageerror', (error) => wrong.push(error.message));
  await opened.goto(`${site.url}${path}/`);
  return opened;
}

/** Keeps the devices that are opened, so that a test can lose one. */
const KEEP = `{
  const request = GPUAdapter.prototype.requestDevice;
  GPUAdapter.prototype.requestDevice = async function (...how) {
    return (globalThis.device = await request.apply(this, how));
  };
}`;

const [FACE, DARK, BRIGHT] = ['face.png', 'dark.png', 'bright.png'].map(at);

test.before(async () => {
  if (!browser) return;
  execFileSync(process.execPath, ['scripts/web.mjs', '--build', at('built')]);
  site = await serve(folder);
  const { data, ...raw } = golden('photo_000').picture('pixels');
  const input = await sharp(data, { raw: { ...raw, channels: 3 } })
    .resize(200, 200, { fit: 'fill' })
    .png()
    .toBuffer();
  const create = { width: 480, height: 300, channels: 3, background: '#405060' } as const;
  await sharp({ create })
    .composite([{ input, left: 140, top: 50 }])
    .removeAlpha()
    .png()
    .toFile(FACE);
  for (const [file, background] of [
    [DARK, '#203040'],
    [BRIGHT, '#e0d0a0'],
  ])
    await sharp({ create: { width: 64, height: 64, channels: 3, background } })
      .png()
      .toFile(file);
  page = await openSite('some/where', KEEP);
});
test.after(async () => {
  await browser?.close();
  await site?.close();
  rmSync(folder, { recursive: true, force: true });
});

const standing = (kind: string, on = page) => on.waitForSelector(`[data-standing=${kind}]`);
const text = async (selector: string): Promise<string> => (await page.textContent(selector)) ?? '';
const worker = (): Worker => page.workers()[0];

/** Drops or pastes files, by name and content. @param on where, by its place among the elements of a selector */
async function give(
  event: 'drop' | 'paste',
  files: Readonly<Record<string, Uint8Array>>,
  on: readonly [selector: string, place: number] = ['body', 0],
): Promise<void> {
  const given = Object.entries(files).map(([name, bytes]) => ({ name, base64: Buffer.from(bytes).toString('base64') }));
  await page.evaluate(
    ({ event, given, on: [selector, place] }) => {
      const data = new DataTransfer();
      for (const { name, base64 } of given) {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        data.items.add(new File([bytes], name, { type: name.endsWith('png') ? 'image/png' : '' }));
      }
      const init = { bubbles: true, cancelable: true };
      const made =
        event === 'drop'
          ? new DragEvent('drop', { ...init, dataTransfer: data })
          : new ClipboardEvent('paste', { ...init, clipboardData: data });
      document.querySelectorAll(selector)[place].dispatchEvent(made);
    },
    { event, given, on },
  );
}

/** Drops a folder with a file that is gone by then. */
const giveGone = (selector: string): Promise<void> =>
  page.evaluate((selector) => {
    const file = {
      isFile: true,
      name: 'face.png',
      file: (_: unknown, fail: (error: Error) => void) => fail(new Error('it is gone')),
    };
    const entries = [[file], []];
    const folder = {
      name: 'faces',
      createReader: () => ({ readEntries: (done: (some: unknown) => void) => done(entries.shift()) }),
    };
    const made = new DragEvent('drop', { bubbles: true, cancelable: true });
    Object.defineProperty(made, 'dataTransfer', { value: { items: [{ webkitGetAsEntry: () => folder }], files: [] } });
    document.querySelector(selector)!.dispatchEvent(made);
  }, selector);
const GONE = { hasText: 'What was dropped cannot be read: it is gone' };

/** A network of a person's own: args.json, and weights that nobody has trained. */
const args = { model: 'multi_task', network: 'denselite', image_size: 32, classes: ['calm', 'keen', 'odd'], lr: 0.1 };
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
async function ownWeights(): Promise<Uint8Array> {
  const { device } = await mockDevice();
  const config = { model: 'multi_task', network: 'denselite', imageSize: 32, classes: 3 } as const;
  return writeSafetensors(await buildModel(device, config).initialise(1).stateDict());
}

/** Name and share of each class, of what is shown of the only face. */
async function shares(): Promise<Record<string, number>> {
  const rows = await page.locator('.bars li').all();
  const read = async (row: (typeof rows)[number]) => {
    const [name, figure] = [await row.locator('.class').textContent(), await row.locator('.figure').textContent()];
    return [name, Number.parseFloat(figure as string) / 100];
  };
  return Object.fromEntries(await Promise.all(rows.map(read)));
}

async function sameAs(run: Run, file: string, faces: 'all' | 'none'): Promise<void> {
  const said: FacePrediction[] = [];
  for await (const one of predict(run, [file], { faces })) said.push(one);
  assert.is(said.length, 1);
  const shown = await shares();
  assert.equal(Object.keys(shown), Object.keys(said[0].probabilities!));
  for (const [name, p] of Object.entries(said[0].probabilities!))
    assert.ok(Math.abs(shown[name] - p) < SAME, `${name}: ${shown[name]} is shown, predict says ${p}`);
}

/** What axe-core finds serious or worse, in light and dark, and whether anything is wider than a phone. */
async function accessible(view: string): Promise<void> {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
  for (const colorScheme of ['light', 'dark'] as const) {
    // At once, without what would fade.
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate(axe);
    const found = await page.evaluate(async () => {
      const { violations } = await (globalThis as unknown as { axe: typeof import('axe-core') }).axe.run();
      return violations
        .filter(({ impact }) => impact === 'serious' || impact === 'critical')
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
    });
    assert.equal(found, [], `${view}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 360, height: 800 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, `${view} fits a phone`);
  await page.setViewportSize({ width: 1280, height: 800 });
}

tried('it opens below any path, and keeps the page free while networks and pipelines are made', async () => {
  await standing('ready');
  assert.match(await text('.network'), 'face-api’s expression network single_task on denselite, 7 classes, 112 px');
  assert.match(await text('.standing'), /^Computes on .*swiftshader.*, on the CPU$/i);
  const longest = await longestTask(browser!, page, 50, async () => {
    await page.reload();
    await standing('ready');
  });
  assert.ok(longest <= 50, `a task of ${longest} ms`);
});

tried('a picture that is dropped: its face is found, and said to be what predict says', async () => {
  await giveGone('body');
  await page.locator('main > [role=alert]', GONE).waitFor();
  await give('drop', { 'face.png': readFileSync(FACE) });
  await page.waitForSelector('.answer');
  assert.is(await page.locator('main > [role=alert]').count(), 0);
  await sameAs(expressionNetwork(), FACE, 'all');
  assert.match(await text('.speed'), /^finding \d+ ms · [\d.]+ ms a face$/);
  assert.match(await text('[aria-live]'), /^Happy, [\d.]+ %$/);
  // Box and landmarks are drawn, where the face is.
  const drawn = await page.evaluate(() => {
    const canvas = document.querySelector('.shown canvas') as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
    const places = Array.from({ length: canvas.width * canvas.height }, (_, i) => i).filter((i) => data[4 * i + 3] > 0);
    const xs = places.map((i) => (i % canvas.width) / canvas.width);
    return { count: places.length, left: Math.min(...xs), right: Math.max(...xs) };
  });
  assert.ok(drawn.count > 500 && drawn.left > 0.25 && drawn.right < 0.75, JSON.stringify(drawn));
  await accessible('Try');
});

tried('where it looks is laid over the picture', async () => {
  await page.getByLabel('Look at').selectOption('whole');
  await page.waitForFunction(() => document.querySelector('.answer h3')?.textContent === 'The whole picture');
  const opaque = () =>
    page.evaluate(() => {
      const canvas = document.querySelector('.shown canvas') as HTMLCanvasElement;
      const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
      return data.filter((v, i) => i % 4 === 3 && v > 40).length / (data.length / 4);
    });
  assert.is(await opaque(), 0);
  await page.getByLabel('Where it looks').selectOption({ label: 'for Happy' });
  await page.waitForFunction(() => {
    const canvas = document.querySelector('.shown canvas') as HTMLCanvasElement;
    return canvas
      .getContext('2d')!
      .getImageData(0, 0, canvas.width, canvas.height)
      .data.some((v) => v > 0);
  });
  const share = await opaque();
  assert.ok(share > 0.01 && share < 0.9, `${share} of the picture`);
  await page.getByLabel('Where it looks').selectOption('');
  await sameAs(expressionNetwork(), FACE, 'none');
});

tried('what is no picture, and no run, is told in a sentence, and nothing changes', async () => {
  await give('paste', { 'notes.png': new TextEncoder().encode('no picture') });
  await page.waitForSelector('.answers [role=alert]');
  assert.match(await text('.answers [role=alert]'), /^notes\.png: this browser cannot read it as a picture/);
  const weights = await ownWeights();
  for (const [files, words] of [
    [{ 'args.json': json(args) }, 'expected a run’s args.json and weights/best.safetensors, found args.json'],
    [{ 'original.pth': json('') }, 'weights/best.safetensors, found original.pth'],
    [{ 'args.json': json([]), 'best.safetensors': weights }, 'args.json: expected the settings of a run as JSON'],
    [{ 'best.safetensors': weights }, 'give the args.json of the run'],
    [{ 'best.safetensors': weights.subarray(0, 1000) }, 'truncated'],
    [{ 'args.json': json({ ...args, classes: ['calm'] }), 'best.safetensors': weights }, 'the names of its 3 classes'],
  ] as const) {
    await give('drop', files);
    await page.locator('main > [role=alert]', { hasText: words }).waitFor();
    assert.match(await text('.network'), 'face-api’s expression network');
  }
  // Its folder, with what else lies in one.
  mkdirSync(at('run1/weights'), { recursive: true });
  writeFileSync(at('run1/args.json'), json(args));
  writeFileSync(at('run1/run.log'), 'a line');
  writeFileSync(at('run1/weights/best.safetensors'), weights);
  writeFileSync(at('run1/weights/last.safetensors'), 'a checkpoint');
  await page.locator('.network input').setInputFiles(at('run1'));
  await page.locator('.network', { hasText: 'run1 multi_task on denselite, 3 classes, 32 px' }).waitFor();
  assert.is(await page.locator('main > [role=alert]').count(), 0);
});

tried(
  'the camera: looked at until it is stopped, with a dot between valence and arousal; and why there is none',
  async () => {
    await page.getByRole('button', { name: 'Start the camera' }).click();
    await page.locator('.speed', { hasText: 'pictures/s' }).waitFor();
    assert.equal(Object.keys(await shares()), ['calm', 'keen', 'odd']);
    assert.match(
      (await page.getAttribute('.plane svg', 'aria-label')) ?? '',
      /^valence -?\d\.\d\d, arousal -?\d\.\d\d$/,
    );
    await page.getByRole('button', { name: 'Stop the camera' }).click();
    await page.waitForSelector('video', { state: 'detached' });
    for (const [name, words] of [
      ['NotAllowedError', 'The camera was not allowed'],
      ['NotFoundError', 'No camera was found'],
    ]) {
      await page.evaluate((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
      }, name);
      await page.getByRole('button', { name: 'Start the camera' }).click();
      await page.locator('.wrong', { hasText: words }).waitFor();
    }
    await page.evaluate(() => void Reflect.deleteProperty(navigator.mediaDevices, 'getUserMedia'));
    await page.getByRole('button', { name: 'Back to the site’s' }).click();
    await page.locator('.network', { hasText: '7 classes' }).waitFor();
  },
);

tried('a lesson: pictures under labels of one’s own, learnt, and said by predict as by the page', async () => {
  await page.getByRole('link', { name: 'Teach' }).click();
  assert.match(await text('.lesson'), 'Pictures are needed under happy, sad.');
  const label = (i: number) => page.locator('.label').nth(i);
  await label(0).getByLabel('Name of the label').fill('night');
  await label(1).getByLabel('Name of the label').fill('day');
  await page.getByRole('button', { name: 'Add a label' }).click();
  await page.getByRole('button', { name: 'Delete the label label 3' }).click();
  await label(0).locator('input[type=file]').setInputFiles([DARK, DARK, DARK]);
  await label(1).locator('input[type=file]').setInputFiles([BRIGHT, BRIGHT]);
  await page.getByRole('button', { name: 'Start the camera' }).click();
  await page.waitForFunction(() => (document.querySelector('video')?.readyState ?? 0) >= 2);
  await giveGone('.label');
  await page.locator('[role=alert]', GONE).waitFor();
  // By keyboard: one.
  await page.getByRole('button', { name: 'Take a picture of day' }).press('Enter');
  await page.locator('.thumbs li').nth(5).waitFor();
  await page.getByRole('button', { name: 'Remove picture 3 of day' }).click();
  await give('drop', { 'bright.png': readFileSync(BRIGHT), 'notes.txt': json('') }, ['.label', 1]);
  await page.getByRole('button', { name: 'Stop the camera' }).click();
  await page.locator('.thumbs li').nth(5).waitFor();
  await page.getByLabel('Epochs').fill('20');
  await page.getByRole('button', { name: 'Teach', exact: true }).click();
  await page.waitForSelector('.taught');
  assert.match(
    await text('.lesson [aria-live]'),
    /^It has learnt: epoch 20 of 20, loss 0\.0\d+, 2 of 2 held out said right\.$/,
  );
  assert.match((await page.getAttribute('.loss path.trained', 'd')) ?? '', /^M[\d.]+ [\d.]+(L[\d.]+ [\d.]+){20}$/);
  await accessible('Teach');

  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save its weights' }).click(),
  ]);
  assert.is(download.suggestedFilename(), 'taught.safetensors');
  await download.saveAs(at('taught.safetensors'));
  await page.getByRole('link', { name: 'Try it' }).click();
  await give('drop', { 'dark.png': readFileSync(DARK) });
  await page.locator('.said', { hasText: 'night' }).waitFor();
  const none = { saved_model: null, emb: null, image_size: null, dataset: null, classes: null };
  const run = await openNetwork({ ...none, checkpoint: at('taught.safetensors') });
  assert.equal(run.args.classes, ['night', 'day']);
  await sameAs(run, DARK, 'none');
});

tried('a lost graphics device is told, opened again, and all that was there is there', async () => {
  const lost = standing('lost');
  await worker().evaluate(() => (globalThis as unknown as { device: GPUDevice }).device.destroy());
  await lost;
  await standing('ready');
  assert.match(await text('.network'), 'Taught here single_task on denselite, 2 classes');
  await give('drop', { 'bright.png': readFileSync(BRIGHT) });
  await page.locator('.said', { hasText: 'day' }).waitFor();
  await page.getByRole('link', { name: 'Teach' }).click();
  assert.is(await page.locator('.thumbs li').count(), 6);
});

tried('the whole network is taught too, of another size than the pictures were taken for, and stopped', async () => {
  await give('drop', { 'args.json': json(args), 'best.safetensors': await ownWeights() });
  await page.locator('.network', { hasText: '32 px' }).waitFor();
  await page.getByLabel('Teach').selectOption('whole');
  await page.getByLabel('Epochs').fill('500');
  await page.getByRole('button', { name: 'Teach', exact: true }).click();
  await page.locator('.lesson > .muted', { hasText: /^epoch 3[1-9] of 530, loss/ }).waitFor();
  await page.getByRole('button', { name: 'Stop' }).click();
  await page.locator('.lesson [aria-live]', { hasText: 'It has learnt: epoch 3' }).waitFor();
});

tried('nothing asks another origin, and nothing can: neither the page nor its worker', async () => {
  const { origin } = new URL(site.url);
  assert.equal(
    asked.filter((url) => !url.startsWith(`${origin}/`) && !/^(blob|data):/.test(url)),
    [],
  );
  assert.equal(wrong, []);
  let reached = 0;
  const elsewhere = createServer((_, response) => {
    reached++;
    response.writeHead(200, { 'access-control-allow-origin': '*' }).end();
  });
  await new Promise<void>((done) => elsewhere.listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  const ask = (address: string): Promise<string> =>
    fetch(address).then(
      () => 'reached',
      () => 'refused',
    );
  assert.is(await page.evaluate(ask, address), 'refused');
  assert.is(await worker().evaluate(ask, address), 'refused');
  assert.is(reached, 0);
  elsewhere.close();
});

tried('without WebGPU the page says so, and what can be done is done', async () => {
  const bare = await openSite('bare', "Object.defineProperty(navigator, 'gpu', { value: undefined });");
  await standing('broken', bare);
  assert.match(
    (await bare.textContent('.standing')) ?? '',
    'The network cannot compute here: this browser has no WebGPU',
  );
  await bare.getByRole('button', { name: 'Start the camera' }).click();
  await bare.waitForSelector('video');
  await bare.getByRole('link', { name: 'Teach' }).click();
  assert.ok(await bare.getByRole('button', { name: 'Add a label' }).isEnabled());
  await bare.close();
});

test('npm run web serves it, and nothing beside it', async () => {
  const program = spawn(process.execPath, ['scripts/web.mjs', '--port', '0', at('served')]);
  try {
    const line = await new Promise<string>((done) => program.stdout.once('data', (data) => done(`${data}`)));
    const [address] = line.match(/^http:\/\/127\.0\.0\.1:\d+\//) ?? [];
    const ask = (path: string) => fetch(`${address}${path}`);
    assert.match(await (await ask('')).text(), "default-src 'none'");
    const weights = await ask('weights/face_expression_model.bin');
    assert.is(weights.headers.get('content-length'), '329468');
    // fetch itself would take plain dots out of the address.
    for (const path of ['nothing', 'weights/', '%2e%2e%2fface.png', '%2e%2e/face.png', '..%2fface.png', '%00', '%'])
      assert.is((await ask(path)).status, 404, path);
  } finally {
    program.kill();
  }
});

test.run();
