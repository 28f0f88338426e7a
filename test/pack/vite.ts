// The packed package in a page that Vite builds: node scripts/run.mjs test/pack/vite.ts PACKAGE.tgz (part of npm run check:package, whose
// tools/ has Vite). Where there is a Chromium, the page must learn in it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openChromium, serve } from '../browser/chromium';

const PAGE = `import { Device, Linear, SGD, backward, mse, openDevice, step, tensor } from 'emotion-gcn/engine';
import { Device as OfBrowser } from 'emotion-gcn/browser';
const device = await openDevice();
const x = tensor(device, [-1, 0, 1], [3, 1]);
const y = tensor(device, [-3, -1, 1], [3, 1]);
const net = new Linear(device, 1, 1).initialise(1);
const optimizer = new SGD(net.parameters(), { lr: 0.3 });
let loss = 1;
for (let s = 0; s < 30; s++)
  loss = await step(device, () => {
    optimizer.zeroGrad();
    const l = mse(net.forward(x), y);
    backward(l);
    optimizer.step();
    return l;
  }).item();
document.title = Device === OfBrowser && loss < 1e-3 ? 'learnt' : 'loss ' + loss;
`;

const folder = mkdtempSync(join(tmpdir(), 'vite-'));
try {
  const modules = join(folder, 'node_modules/emotion-gcn');
  mkdirSync(modules, { recursive: true });
  execFileSync('tar', ['-xzf', resolve(process.argv[2]), '--strip-components=1', '-C', modules]);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }');
  writeFileSync(
    join(folder, 'index.html'),
    '<!doctype html><title>waits</title><script type="module" src="/main.js"></script>',
  );
  writeFileSync(join(folder, 'main.js'), PAGE);
  const vite = resolve('tools/node_modules/vite/bin/vite.js');
  execFileSync(process.execPath, [vite, 'build', '--target', 'es2022'], { cwd: folder, stdio: 'inherit' });
  console.log(`built: ${readdirSync(join(folder, 'dist/assets'))}`);
  const browser = await openChromium();
  if (!browser) console.log('not opened: there is no Chromium');
  else {
    const { url, close } = await serve(join(folder, 'dist'));
    try {
      const page = await browser.newPage();
      await page.goto(url);
      await page.waitForFunction("document.title !== 'waits'", null, { timeout: 120_000 });
      const title = await page.title();
      console.log(`in Chromium: ${title}`);
      if (title !== 'learnt') process.exitCode = 1;
    } finally {
      await browser.close();
      await close();
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
