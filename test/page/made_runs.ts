// Runs out of thin air, as the page is told of them: every part is there, and every number follows from the seed.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { PageEpoch, PageLayers, PageRun, PageSource, PageSpread, PageSteps } from '../../src/page/protocol';

const CLASSES = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger'];

/** Numbers in [0, 1), by mulberry32. */
export function numbers(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const round = (x: number): number => Number(x.toPrecision(6));

/** Steps `from` to `to` (excluding) of a run of `each` a epoch: a falling, noisy loss. */
export function madeSteps(from: number, to: number, each: number, seed = 1): PageSteps {
  const random = numbers(seed + from);
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

const spread = (random: () => number, width: number): PageSpread => ({
  from: -3 * width,
  to: 3 * width,
  mean: 0,
  std: width,
  counts: Array.from({ length: 40 }, (_, i) =>
    Math.round(400 * Math.exp(-(((i - 20) / 8) ** 2)) * (0.8 + 0.4 * random())),
  ),
});

function madeLayers(epoch: number, seed: number): PageLayers {
  const random = numbers(seed + epoch);
  const names = ['conv0', ...['block1', 'block2', 'block3'].flatMap((b) => [`${b}.conv1`, `${b}.conv2`]), 'gc1', 'gc2'];
  return {
    epoch,
    layers: names.map((name, i) => ({
      name,
      weights: spread(random, 0.3 / (1 + i)),
      gradients: epoch === 0 ? null : spread(random, 0.01 / (1 + i)),
      gradient_norm: epoch === 0 ? null : round(0.05 + random()),
      activations: spread(random, 1),
      dead: name.startsWith('gc') ? null : round(0.2 * random()),
    })),
  };
}

/** A whole run: `epochs` of `each` steps. */
export function madeRun(number: number, { epochs = 6, each = 40, faces = 120 } = {}): PageRun {
  const random = numbers(100 + number);
  const rows: PageEpoch[] = Array.from({ length: epochs }, (_, e) => {
    const cat = round(0.5 + 1.2 * Math.exp(-e / (4 + number)));
    return {
      ...{ epoch: e + 1, lr: round(0.001 * 0.5 * (1 + Math.cos((Math.PI * e) / epochs))) },
      ...{ train_loss: round(cat + 0.4), train_cat: cat, train_cont: 0.4, train_accuracy: round(1 - cat / 2) },
      ...{ val_loss: round(cat + 0.6), val_cat: round(cat + 0.1), val_cont: 0.5, val_accuracy: round(0.95 - cat / 2) },
      ...{ val_ccc_valence: round(0.7 - cat / 3), val_ccc_arousal: round(0.6 - cat / 3) },
      ...{ seconds: 12 + random(), skipped: 0 },
    };
  });
  const truth = Array.from({ length: faces }, () => Math.floor(random() * CLASSES.length));
  const said = truth.map((t) => (random() < 0.7 ? t : Math.floor(random() * CLASSES.length)));
  const near = (x: number): [number, number] => [
    round(x),
    round(Math.max(-1, Math.min(1, x + 0.4 * (random() - 0.5)))),
  ];
  const nodes = [...CLASSES, 'valence', 'arousal'];
  const share = (own: number): number[] =>
    nodes.flatMap((_, i) => nodes.map((_, j) => round(i === j ? own : (1 - own) / (nodes.length - 1))));
  const confusion = CLASSES.map((_, t) =>
    CLASSES.map((_, p) => truth.filter((x, i) => x === t && said[i] === p).length),
  );
  const right = truth.filter((t, i) => t === said[i]).length;
  return {
    id: `r${number}`,
    name: `runs/made-${number}`,
    running: number === 0,
    args: {
      model: 'emotion_gcn',
      network: number % 2 ? 'bregnext' : 'densenet',
      lr: 0.001 * (number + 1),
      batch_size: 35,
      epochs: 10,
      seed: number,
      emb: 'random',
    },
    manifest: { seed: number, adapter: { vendor: 'made', architecture: 'up' }, versions: { 'emotion-gcn': '0.2.0' } },
    classes: CLASSES,
    steps: madeSteps(0, epochs * each, each, number),
    epochs: rows,
    metrics: { best_epoch: epochs, accuracy: right / faces, confusion },
    predictions: {
      image: truth.map((_, i) => `faces/${i}.jpg`),
      expression: truth,
      predicted: said,
      confidence: truth.map(() => round(0.3 + 0.7 * random())),
      likelihood: truth.map((t, i) => round(t === said[i] ? 0.3 + 0.7 * random() : 0.3 * random())),
      valence: truth.map(() => near(2 * random() - 1)),
      arousal: truth.map(() => near(2 * random() - 1)),
    },
    graph: {
      nodes,
      A: nodes.flatMap((_, i) => nodes.map((_, j) => (i === j ? 0.5 : round(random() * 0.2)))),
      before: { epoch: 0, share: share(0.4) },
      after: { epoch: epochs, share: share(0.6) },
    },
    layers: [0, 1, epochs].map((e) => madeLayers(e, number)),
    profile: ['conv2d', 'batch_norm', 'relu', 'matmul'].map((op, i) => ({
      op,
      launches: 40 * (4 - i),
      milliseconds: 40 / (1 + i),
      share: 0.48 / (1 + i),
      gflops: 100 / (1 + i),
      gbps: 20 * (1 + i),
    })),
    log: Array.from(
      { length: 60 },
      (_, i) =>
        `2026-11-29T12:00:${String(i).padStart(2, '0')}Z ${i === 7 ? 'left out: 3 rows without a face' : `epoch ${1 + Math.floor(i / 10)}: line ${i}`}`,
    ),
    problems: number === 1 ? ['steps.csv: line 7 is torn; the rest is shown'] : [],
    pictures: null,
  };
}

/** Writes the page with `source` inside. */
export function writePage(file: string, source: PageSource): void {
  writeFileSync(file, pageOf(source));
}

/** The page's text with `source` inside. */
export function pageOf(source: PageSource): string {
  const built = ['./', '../', '../../']
    .map((up) => new URL(`${up}page.html`, import.meta.url))
    .find((url) => existsSync(url));
  const [head, tail] = readFileSync(built!, 'utf8').split('<script id="page" type="application/json"></script>');
  return `${head}<script id="page" type="application/json">${JSON.stringify(source).replaceAll('<', '\\u003c')}</script>${tail}`;
}
