// Runs made by hand for the page's tests: the same numbers for the same options, whatever the machine.
import type {
  PageContributions,
  PageEpoch,
  PageGraph,
  PageLayers,
  PageOp,
  PagePredictions,
  PageRun,
  PageSpread,
  PageSteps,
} from '../../src/page/protocol';

export interface FakeOptions {
  readonly id?: string;
  readonly name?: string;
  readonly seed?: number;
  readonly classes?: readonly string[];
  readonly samples?: number;
  readonly epochs?: number;
  /** Batches an epoch. */
  readonly batches?: number;
  readonly layers?: number;
  /** Rows of the predictions that have a picture inside. */
  readonly pictures?: number;
  readonly running?: boolean;
}

const EIGHT = ['Neutral', 'Happy', 'Sad', 'Surprise', 'Fear', 'Disgust', 'Anger', 'Contempt'];
/** Where the eight lie on the plane. */
const HOMES = [
  [0, 0],
  [0.7, 0.3],
  [-0.6, -0.4],
  [0.25, 0.75],
  [-0.2, 0.7],
  [-0.65, 0.3],
  [-0.45, 0.55],
  [-0.5, 0.1],
];

/** Numbers in [0, 1): mulberry32. */
export function fakeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const rounded = (x: number, digits = 4): number => Number(x.toFixed(digits));
const clamp = (x: number): number => Math.max(-1, Math.min(1, x));

/** A run of emotion_gcn with every part that the page can show. */
export function fakeRun({
  id = 'r0',
  name = 'runs/densenet_gcn',
  seed = 1,
  classes = EIGHT,
  samples = 4000,
  epochs = 12,
  batches = 60,
  layers = 121,
  pictures = 40,
  running = false,
}: FakeOptions = {}): PageRun {
  const random = fakeRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const steps = fakeSteps(epochs, batches, random);
  const rows = fakeEpochs(epochs, batches, random);
  const predictions = fakePredictions(classes, samples, random, normal);
  const best = Math.max(1, epochs - 2);
  const last = rows.at(-1);
  return {
    id,
    name,
    running,
    args: {
      model: 'emotion_gcn',
      network: 'densenet121',
      image_size: 224,
      batch_size: 35,
      epochs,
      lr: seed % 2 ? 0.001 : 0.0005,
      momentum: 0.9,
      seed,
      classes: [...classes],
      saved_model: name,
    },
    manifest: { version: '0.2.0', adapter: 'llvmpipe', node: 'v20.20.2', started: '2026-11-29T12:00:00.000Z' },
    classes,
    steps,
    epochs: rows,
    metrics: fakeMetrics(classes, predictions, best),
    predictions,
    graph: fakeGraph(classes, best, random),
    layers: fakeLayers(layers, epochs, random, normal),
    profile: fakeProfile(random),
    log: [
      `12:00:00 ${name}: ${samples} validation faces of ${classes.length} classes`,
      ...rows.map((row) => `12:00:${String(row.epoch).padStart(2, '0')} epoch ${row.epoch}: loss ${row.train_loss}`),
      ...(last ? [`12:10:00 best epoch ${best}`] : []),
    ],
    problems: [],
    pictures: Object.fromEntries(Array.from({ length: Math.min(pictures, samples) }, (_, row) => [row, face(row)])),
  };
}

/** A small face as an address. */
function face(row: number): string {
  const random = fakeRandom(row + 99);
  const hue = Math.floor(random() * 360);
  const smile = Math.round(random() * 24 - 12);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="hsl(${hue} 30% 70%)"/>` +
    `<circle cx="48" cy="50" r="32" fill="hsl(${(hue + 40) % 360} 45% 82%)"/><circle cx="37" cy="44" r="4"/><circle cx="59" cy="44" r="4"/>` +
    `<path d="M34 62Q48 ${62 + smile} 62 62" fill="none" stroke="#222" stroke-width="3"/></svg>`;
  return `data:image/svg+xml;base64,${btoa(svg)}`;
}

function fakeSteps(epochs: number, batches: number, random: () => number): PageSteps {
  const n = epochs * batches;
  const at = (value: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => value(i));
  const fall = (i: number, from: number, to: number): number =>
    rounded(to + (from - to) * Math.exp((-3 * i) / n) + (random() - 0.5) * 0.3);
  const cat = at((i) => fall(i, 2.1, 0.7));
  const cont = at((i) => fall(i, 0.4, 0.12));
  return {
    step: at((i) => i + 1),
    epoch: at((i) => Math.floor(i / batches) + 1),
    loss: at((i) => rounded(cat[i] + cont[i])),
    cat,
    cont,
    accuracy: at((i) =>
      rounded(Math.max(0, Math.min(1, 0.75 - 0.6 * Math.exp((-3 * i) / n) + (random() - 0.5) * 0.1))),
    ),
    lr: at((i) => rounded(0.001 * 0.9 ** Math.floor(i / batches), 7)),
  };
}

function fakeEpochs(epochs: number, batches: number, random: () => number): PageEpoch[] {
  return Array.from({ length: epochs }, (_, e) => {
    const left = Math.exp(-e / 4);
    const noise = (): number => (random() - 0.5) * 0.02;
    return {
      epoch: e + 1,
      lr: rounded(0.001 * 0.9 ** e, 7),
      train_loss: rounded(0.7 + 1.5 * left + noise()),
      train_cat: rounded(0.6 + 1.3 * left + noise()),
      train_cont: rounded(0.1 + 0.2 * left + noise()),
      train_accuracy: rounded(0.78 - 0.5 * left + noise()),
      val_loss: rounded(0.9 + 1.2 * left + 0.004 * e * e + noise()),
      val_cat: rounded(0.8 + 1.0 * left + 0.004 * e * e + noise()),
      val_cont: rounded(0.1 + 0.2 * left + noise()),
      val_accuracy: rounded(0.65 - 0.4 * left + noise()),
      val_ccc_valence: rounded(0.7 - 0.5 * left + noise()),
      val_ccc_arousal: rounded(0.6 - 0.5 * left + noise()),
      seconds: rounded(batches * 0.7 + random(), 2),
      skipped: 0,
    };
  });
}

function fakePredictions(
  classes: readonly string[],
  samples: number,
  random: () => number,
  normal: () => number,
): PagePredictions {
  const home = (c: number): readonly number[] =>
    HOMES[c] ?? [0.8 * Math.cos(2.4 * c), 0.8 * Math.sin(2.4 * c)].map((x) => rounded(x));
  const columns = {
    image: [] as string[],
    expression: [] as number[],
    predicted: [] as number[],
    confidence: [] as number[],
    likelihood: [] as number[],
    valence: [] as [number, number][],
    arousal: [] as [number, number][],
  };
  const k = classes.length;
  for (let i = 0; i < samples; i++) {
    const truth = Math.min(k - 1, Math.floor(random() ** 1.3 * k));
    const right = k === 1 || random() < 0.66;
    const said = right ? truth : (truth + 1 + Math.floor(random() ** 2 * (k - 1))) % k;
    const confidence = rounded(Math.min(0.9999, 1 / k + (1 - 1 / k) * (right ? 1 - random() ** 2 : random() ** 1.5)));
    columns.image.push(`validation/${String(i).padStart(6, '0')}.jpg`);
    columns.expression.push(truth);
    columns.predicted.push(said);
    columns.confidence.push(confidence);
    columns.likelihood.push(right ? confidence : rounded((1 - confidence) * random()));
    for (const [d, pairs] of [columns.valence, columns.arousal].entries()) {
      const t = clamp(home(truth)[d] + 0.18 * normal());
      pairs.push([rounded(t), rounded(clamp(0.75 * t + 0.25 * home(said)[d] + 0.12 * normal()))]);
    }
  }
  return columns;
}

function fakeMetrics(classes: readonly string[], p: PagePredictions, best: number): Readonly<Record<string, unknown>> {
  const k = classes.length;
  const confusion = classes.map(() => new Array<number>(k).fill(0));
  for (const [i, truth] of p.expression.entries()) confusion[truth][p.predicted[i]]++;
  const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
  const scores = confusion.map((row, c) => {
    const [support, said] = [sum(row), sum(confusion.map((r) => r[c]))];
    return {
      precision: said ? row[c] / said : 0,
      recall: support ? row[c] / support : 0,
      f1: support + said ? (2 * row[c]) / (support + said) : 0,
      support,
    };
  });
  const bins = Array.from({ length: 15 }, () => ({ n: 0, sure: 0, right: 0 }));
  for (const [i, confidence] of (p.confidence ?? []).entries()) {
    const bin = bins[Math.min(15, Math.max(1, Math.ceil(confidence * 15))) - 1];
    bin.n++;
    bin.sure += confidence;
    if (p.expression[i] === p.predicted[i]) bin.right++;
  }
  const samples = p.expression.length;
  return {
    best_epoch: best,
    samples,
    accuracy: sum(confusion.map((row, c) => row[c])) / Math.max(1, samples),
    macro_f1: sum(scores.map(({ f1 }) => f1)) / Math.max(1, k),
    ccc_valence: 0.683,
    ccc_arousal: 0.574,
    rmse_valence: 0.271,
    rmse_arousal: 0.262,
    ece: sum(bins.map((b) => Math.abs(b.right - b.sure))) / Math.max(1, samples),
    classes: [...classes],
    per_class: Object.fromEntries(classes.map((name, c) => [name, scores[c]])),
    confusion,
    reliability: bins.map((b, m) => ({
      from: m / 15,
      to: (m + 1) / 15,
      samples: b.n,
      confidence: b.n ? b.sure / b.n : null,
      accuracy: b.n ? b.right / b.n : null,
    })),
  };
}

function fakeGraph(classes: readonly string[], best: number, random: () => number): PageGraph {
  const nodes = [...classes, 'valence', 'arousal'];
  const n = nodes.length;
  const A = nodes.flatMap((_, i) => {
    const row = nodes.map((_, j) => (i === j || random() > 0.35 ? 0 : random()));
    const sum = row.reduce((a, b) => a + b, 0);
    return row.map((x, j) => rounded(i === j ? (sum === 0 ? 1 : 0.75) : sum === 0 ? 0 : (0.25 * x) / sum));
  });
  const contributions = (epoch: number, own: number): PageContributions => ({
    epoch,
    share: nodes.flatMap((_, i) => {
      const row = nodes.map((_, j) => (i === j || A[j * n + i] === 0 ? 0 : A[j * n + i] * (0.4 + 1.8 * random())));
      const sum = row.reduce((a, b) => a + b, 0);
      return row.map((x, j) => (i === j ? (sum === 0 ? 1 : own) : sum === 0 ? 0 : ((1 - own) * x) / sum));
    }),
  });
  return { nodes, A, before: contributions(0, 0.88), after: contributions(best, 0.66) };
}

const BINS = 40;

function spread(mean: number, std: number, random: () => number): PageSpread {
  const [from, to] = [mean - 4 * std, mean + 4 * std];
  const counts = Array.from({ length: BINS }, (_, b) => {
    const z = (8 * (b + 0.5)) / BINS - 4;
    return Math.round(4000 * Math.exp((-z * z) / 2) * (0.85 + 0.3 * random()));
  });
  const short = (x: number): number => Number(x.toPrecision(5));
  return { from: short(from), to: short(to), mean: short(mean), std: short(std), counts };
}

/** Names as DenseNet has them. The 4th layer's gradients vanish, the 6th's explode in the last epoch, the 8th has dead units. */
function fakeLayers(layers: number, epochs: number, random: () => number, normal: () => number): PageLayers[] {
  const kept = Math.min(12, epochs + 1);
  const names = Array.from({ length: layers }, (_, i) =>
    i === 0
      ? 'features.conv0'
      : i === layers - 1
        ? 'classifier'
        : `features.denseblock${1 + Math.floor((4 * i) / layers)}.denselayer${1 + (i >> 1)}.conv${1 + (i % 2)}`,
  );
  return Array.from({ length: kept }, (_, k) => {
    const epoch = kept === 1 ? epochs : Math.round((k * epochs) / (kept - 1));
    return {
      epoch,
      layers: names.map((name, i) => {
        const norm = 0.02 * 2 ** (2 * (i / layers) - 1 - k / 6 + 0.4 * normal());
        const strange = i === 3 ? 1e-6 : i === 5 && k === kept - 1 ? 1e5 : 1;
        return {
          name,
          weights: spread(0.002 * normal(), 0.04 * (1 + 0.03 * k), random),
          gradients: epoch === 0 ? null : spread(0, (norm * strange) / 40, random),
          gradient_norm: epoch === 0 ? null : Number((norm * strange).toPrecision(4)),
          activations: spread(0.1 * normal(), 0.6 + 0.05 * k, random),
          dead: i === layers - 1 ? null : rounded(i === 7 ? 0.45 + 0.02 * k : i % 9 === 0 ? 0.03 : 0),
        };
      }),
    };
  });
}

const OPS = [
  ...['conv2d 3x3 forward', 'conv2d 3x3 backward weight', 'conv2d 3x3 backward data', 'conv2d 1x1 forward'],
  ...['conv2d 1x1 backward weight', 'conv2d 1x1 backward data', 'batch_norm statistics', 'batch_norm apply relu'],
  ...[
    'batch_norm backward',
    'avg_pool',
    'max_pool',
    'matmul',
    'spmm',
    'cross_entropy',
    'mse',
    'sgd',
    'augment',
    'dropout',
  ],
];

function fakeProfile(random: () => number): PageOp[] {
  const times = OPS.map((_, i) => 900 * 0.72 ** i * (0.8 + 0.4 * random())).sort((a, b) => b - a);
  const total = times.reduce((a, b) => a + b, 0);
  return OPS.map((op, i) => ({
    op,
    launches: 16 * (1 + Math.floor(random() * 120)),
    milliseconds: rounded(times[i], 3),
    share: times[i] / total,
    gflops: i < 6 ? rounded(60 * random() + 10, 2) : rounded(2 * random(), 3),
    gbps: rounded(9 * random() + 1, 2),
  }));
}
