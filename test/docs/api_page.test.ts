// What a page's door has besides the library's, as its docstrings tell it: the examples run in Chromium. One has all of
// 'emotion-gcn/browser' at hand, an open `device`, a `photograph` of nobody, and beside its page a `run1` and face-api's `model`.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES } from '../../src/base/emotions';
import * as door from '../../src/browser';
import { writeSafetensors } from '../../src/formats/safetensors';
import { bundleForPages, openPages } from '../browser/pages';
import { given } from '../given';
import { device } from '../gpu';
import { bodiesOf, CHECKED, docs, examplesIn } from './examples';

const test = suite("api of a page's door");
const library = docs('index.ts');
const own = new Map([...docs('browser.ts')].filter(([name, doc]) => library.get(name) !== doc));
const examples = examplesIn(own);
const names = Object.keys(door);
const pages = await openPages();
const FOLDER = `build/api_page-${process.pid}`;
test.after(async () => {
  rmSync(FOLDER, { recursive: true, force: true });
  await pages?.close();
});

test('all functions and classes that it exports have an example', () => {
  const named = Object.entries(door).filter(([, value]) => typeof value === 'function');
  assert.ok(named.length > 100);
  const all = examplesIn(docs('browser.ts'));
  assert.equal(
    named.map(([name]) => name).filter((name) => !all.some((e) => e.name === name)),
    [],
  );
  assert.ok(examples.length > 5, examples.map(({ name }) => name).join());
});

given(
  test,
  pages !== null,
  'Chromium',
)('its examples run', async () => {
  const { page, url, folder } = pages as NonNullable<typeof pages>;
  const args = { model: 'single_task', network: 'denselite', image_size: 32, classes: CLASSES } as const;
  const net = door.buildModel(device, { ...args, imageSize: 32, classes: 7 }).initialise(1);
  mkdirSync(join(folder, 'run1/weights'), { recursive: true });
  writeFileSync(join(folder, 'run1/args.json'), JSON.stringify(args));
  writeFileSync(join(folder, 'run1/weights/best.safetensors'), writeSafetensors(await net.stateDict()));
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(
    `${FOLDER}/examples.ts`,
    `import { ${names.join(', ')}, type RgbImage } from '../../src/browser';
const photograph: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(128) };
const device = await openDevice();
${bodiesOf(examples)}
const results: unknown[] = [];
for (const [name, run] of Object.entries(examples)) {
  held = 0;
  const error = await run().then(() => null, (error) => String(error));
  results.push({ name, error, held });
}
Object.assign(globalThis, { results });
`,
  );
  bundleForPages({ examples: `${FOLDER}/examples.ts` }, folder);
  writeFileSync(join(folder, 'examples.html'), '<!doctype html><script type="module" src="examples.js"></script>');
  await page.goto(`${url}examples.html`);
  const results = await page.waitForFunction('globalThis.results', null, { timeout: 300_000 });
  assert.equal(
    await results.jsonValue(),
    examples.map(({ name, code }) => ({ name, error: null, held: [...code.matchAll(CHECKED)].length })),
  );
});

test.run();
