// What the page's tests show it: runs made by hand, and the page with them inside.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { PageRun, PageSource, PageSteps } from '../../src/page/protocol';
import { fakeRandom, fakeRun } from './fake_run';

const round = (x: number): number => Number(x.toPrecision(6));

/** Steps `from` to `to` (excluding) of a run of `each` an epoch: a falling, noisy loss. */
export function madeSteps(from: number, to: number, each: number, seed = 1): PageSteps {
  const random = fakeRandom(seed + from);
  const places = Array.from({ length: to - from }, (_, i) => from + i);
  const cat = places.map((i) => round(0.3 + 1.6 * Math.exp(-i / (6 * each)) + 0.5 * (random() - 0.5)));
  const cont = places.map((i) => round(0.2 + 0.8 * Math.exp(-i / (9 * each)) + 0.3 * (random() - 0.5)));
  return {
    step: places.map((i) => i + 1),
    epoch: places.map((i) => 1 + Math.floor(i / each)),
    loss: places.map((_, k) => round(cat[k] + cont[k])),
    cat,
    cont,
    accuracy: cat.map((x) => round(Math.min(1, Math.max(0, 1.1 - x / 1.8)))),
    lr: places.map((i) => round(0.001 * 0.5 * (1 + Math.cos((Math.PI * i) / (12 * each))))),
  };
}

/** Run `number` of some: ten epochs of `each` steps were asked for, `epochs` are done; the first is running, the second damaged. */
export function madeRun(number: number, { epochs = 6, each = 40, samples = 120 } = {}): PageRun {
  const fake = fakeRun({
    ...{ id: `r${number}`, name: `runs/made-${number}`, seed: number + 1 },
    epochs,
    samples,
    layers: 12,
  });
  return {
    ...fake,
    running: number === 0,
    args: { ...fake.args, epochs: 10 },
    steps: madeSteps(0, epochs * each, each, number),
    problems: number === 1 ? ['steps.csv: line 7 is torn; the rest is shown'] : [],
  };
}

/** Writes the page with `source` inside. */
export function writePage(file: string, source: PageSource): void {
  writeFileSync(file, pageOf(source));
}

/** The page's text with `source` inside. */
export function pageOf(source: PageSource): string {
  const built = ['./', '../', '../../'].map((up) => new URL(`${up}page.html`, import.meta.url)).find(existsSync);
  const [head, tail] = readFileSync(built!, 'utf8').split('<script id="page" type="application/json"></script>');
  const json = JSON.stringify(source).replaceAll('<', '\\u003c');
  return `${head}<script id="page" type="application/json">${json}</script>${tail}`;
}
