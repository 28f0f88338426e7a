import { createRequire } from 'node:module';
import sharp from 'sharp';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { computeMetrics } from '../../src/train/measures/metrics';
import { measureText, textToPaths } from '../../src/train/reports/charts/lettering';
import { drawConfusion, drawLabelGraph } from '../../src/train/reports/charts/matrix';
import { drawComparison, drawResults } from '../../src/train/reports/charts/results';
import { drawValenceArousal } from '../../src/train/reports/charts/valence_arousal';
import type { EpochRow } from '../../src/train/run/results';

const row = (epoch: number, va: boolean): EpochRow => ({
  epoch,
  lr: 0.001,
  train_loss: 2 / epoch,
  train_cat: 1,
  train_cont: va ? 1 : null,
  train_accuracy: 1 - 0.8 / epoch,
  val_loss: 2.2 / epoch,
  val_cat: 1,
  val_cont: va ? 1 : null,
  val_accuracy: 0.8 - 0.7 / epoch,
  val_ccc_valence: va ? 0.1 * epoch : null,
  val_ccc_arousal: va ? 0.05 * epoch : null,
  seconds: 1,
  skipped: 0,
});
const rows = (n: number, va = true) => Array.from({ length: n }, (_, i) => row(i + 1, va));

type Box = [x0: number, y0: number, x1: number, y1: number];

/** RGB pixels of a PNG, and how many of a part of it fulfil a condition. */
async function pixels({ png }: { png: Buffer }) {
  const { data, info } = await sharp(png).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const count = (
    is: (r: number, g: number, b: number) => boolean,
    [x0, y0, x1, y1] = [0, 0, info.width, info.height],
  ) => {
    let n = 0;
    for (let y = y0; y < y1; y++) {
      for (let x = x0; x < x1; x++) {
        const at = 3 * (y * info.width + x);
        if (is(data[at], data[at + 1], data[at + 2])) n++;
      }
    }
    return n;
  };
  return { ...info, count };
}

const dark = (r: number, g: number, b: number) => r + g + b < 200;
const blue = (r: number, _: number, b: number) => b > r + 100;
const white = (r: number, g: number, b: number) => r + g + b === 765;

test('results.png has three panels, text and curves; two panels without valence and arousal', async () => {
  const three = await pixels(await drawResults(rows(5)));
  const two = await pixels(await drawResults(rows(5, false)));
  assert.is(three.format, 'raw');
  assert.ok(three.width > 2000 && three.height > 600, `${three.width} x ${three.height}`);
  assert.is((three.width - 48) * 2, (two.width - 48) * 3);
  // Titles in the first 35 units, 2 pixels each: bold letters of ink.
  assert.ok(three.count(dark, [0, 0, three.width, 70]) > 2000);
  assert.ok(two.count(dark, [0, 0, two.width, 70]) > 800);
  assert.ok(three.count(blue) > 2000, 'a blue curve');
  assert.ok(three.count(white) > 0.8 * three.width * three.height);
});

test('nothing is clipped: the margins stay white', async () => {
  const classes = ['Neutral', 'A class with a rather long name', 'C'];
  const confusion = computeMetrics({ classes, labels: [0, 0, 1, 2], predicted: [0, 1, 1, 0] });
  const graph = Float32Array.from({ length: 9 }, (_, i) => i / 20);
  for (const picture of [
    await drawResults(rows(12)),
    await drawResults(rows(1)),
    await drawComparison(Array.from({ length: 20 }, (_, i) => ({ name: `runs/of a long name/${i}`, rows: rows(2) }))),
    await drawConfusion(confusion),
    await drawLabelGraph(graph, classes),
    await drawValenceArousal([0, 0, -1, 1], [0.5, -0.5, 3, 0]),
  ]) {
    const p = await pixels(picture);
    const edge = 6;
    const all = p.width * p.height;
    const inner = p.count(white, [edge, edge, p.width - edge, p.height - edge]);
    assert.is(p.count(white) - inner, all - (p.width - 2 * edge) * (p.height - 2 * edge));
  }
});

test('epochs with numbers that are not finite are left out of the curves', async () => {
  const png = await drawResults([row(1, true), { ...row(2, true), val_loss: Number.NaN, val_ccc_valence: Number.NaN }]);
  assert.ok((await pixels(png)).count(blue) > 500);
});

test('confusion_matrix.png: a cell is as dark as its share of the row, and bears its count', async () => {
  const png = await drawConfusion(
    computeMetrics({ classes: ['A', 'B'], labels: [0, 0, 1, 1], predicted: [0, 0, 0, 1] }),
  );
  const p = await pixels(png);
  // Cells are 72 units, 2 pixels each; they begin 112 units from the top and 64 and a class name from the left.
  const [x0, y0] = [2 * (64 + Math.ceil(measureText('B', '13px').width)), 224];
  const cell = (r: number, c: number): Box => [
    x0 + 144 * c + 4,
    y0 + 144 * r + 4,
    x0 + 144 * c + 140,
    y0 + 144 * r + 140,
  ];
  const deep = (r: number, g: number, b: number) => r < 40 && g < 80 && b > 60 && b < 130;
  const middle = (r: number, g: number, b: number) => Math.abs(r - 63) < 20 && Math.abs(g - 132) < 20 && b > 180;
  const pale = (r: number, g: number, b: number) => r > 235 && g > 240 && b > 240;
  const most = 0.8 * 136 * 136;
  assert.ok(p.count(deep, cell(0, 0)) > most, 'A as A: all');
  assert.ok(p.count(pale, cell(0, 1)) > most, 'A as B: none');
  assert.ok(p.count(middle, cell(1, 0)) > most, 'B as A: half');
  assert.ok(p.count(white, cell(0, 0)) > 100, 'a white number on the dark cell');
  assert.ok(p.count(dark, cell(0, 1)) > 100, 'a dark number on the pale one');
});

test('a label graph of fifty classes: small squares, names cut and upright, the last one where it belongs', async () => {
  const names = Array.from({ length: 52 }, (_, i) => (i === 3 ? 'a name '.repeat(14) : `mood ${i}`));
  const A = new Float64Array(52 * 52);
  A[51 * 52 + 51] = 0.5;
  const p = await pixels(await drawLabelGraph(A, names));
  const longest = p.width / 2 - 64 - 96 - 52 * 44;
  assert.ok(longest > 200 && longest <= 240, `the longest name takes ${longest}`);
  const [x, y] = [2 * (64 + longest + 51 * 44), 2 * (112 + longest + 51 * 44)];
  const deep = (r: number, g: number, b: number) => r < 40 && g < 80 && b > 60 && b < 130;
  assert.ok(p.count(deep, [x + 4, y + 4, x + 84, y + 84]) > 0.7 * 80 * 80);
  assert.ok(p.count(dark, [x + 20, y - 51 * 88 - 100, x + 68, y - 51 * 88]) > 50, 'its name above its column');
});

test('valence and arousal: a point of true ones in the left panel, of predicted ones in the right, and in the vectors too', async () => {
  const picture = await drawValenceArousal([0.5, 0.5], [-0.5, -0.5]);
  // Panels of 360 units begin 64 from the top and at 64 and 500 from the left; 2 pixels a unit; 1 is up and right.
  const around = (panel: number, v: number, a: number): Box => {
    const [x, y] = [2 * (64 + 436 * panel + 180 * (1 + v)), 2 * (64 + 180 * (1 - a))];
    return [x - 4, y - 4, x + 5, y + 5];
  };
  const p = await pixels(picture);
  const orange = (r: number, _: number, b: number) => r > b + 60;
  assert.ok(p.count(blue, around(0, 0.5, 0.5)) > 20);
  assert.is(p.count(blue, around(0, -0.5, -0.5)), 0);
  assert.ok(p.count(orange, around(1, -0.5, -0.5)) > 20);
  assert.match(picture.svg, /^<svg[\s\S]*<\/svg>$/);
  assert.not.match(picture.svg, '<text');
});

test('text becomes paths, as wide as measured, wherever it is anchored', () => {
  const text = (attributes: string, content: string) =>
    textToPaths(`<svg><text ${attributes} style="font-size:20px;" fill="#111">${content}</text></svg>`);
  const extent = (svg: string) => {
    const d = svg.match(/ d="([^"]*)"/)![1];
    const xs = [...d.matchAll(/[MLQC]([^MLQCZ]*)/g)].flatMap((m) => m[1].split(' ').filter((_, i) => i % 2 === 0));
    return [Math.min(...xs.map(Number)), Math.max(...xs.map(Number))];
  };
  const { width } = measureText('8 < 28 & "H"', '20px sans-serif');
  assert.ok(width > 100 && width < 200, `${width}`);
  const content = '8 &lt; 28 &amp; &quot;H&quot;';
  for (const [anchor, left] of [
    ['start', 50],
    ['middle', 50 - width / 2],
    ['end', 50 - width],
  ] as const) {
    const svg = text(`text-anchor="${anchor}" x="50" y="-0.001"`, content);
    assert.not.match(svg, /<text|NaN|undefined|e-/);
    assert.match(svg, 'fill="#111"');
    const [from, to] = extent(svg);
    assert.ok(Math.abs(from - left) < 3 && Math.abs(to - left - width) < 3, `${from} .. ${to}, expected from ${left}`);
  }
  assert.ok(measureText('wide', 'bold 20px x').width > measureText('wide', '20px x').width);
});

test('the font that is installed along is found', () => {
  assert.ok(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf'));
});

test.run();
