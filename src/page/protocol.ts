// What the page is told of runs, as JSON: made on Node (src/train/reports/page), drawn in a browser. Types alone, and nothing is imported.

/** A number of a run; null: there is none, or it is not finite. */
export type Figure = number | null;

/** steps.csv by columns: a place a batch that was trained. */
export interface PageSteps {
  /** Batches that are done, from 1. */
  readonly step: readonly number[];
  /** From 1. */
  readonly epoch: readonly number[];
  readonly loss: readonly Figure[];
  readonly cat: readonly Figure[];
  readonly cont: readonly Figure[];
  /** Fraction of the batch that was said right. */
  readonly accuracy: readonly Figure[];
  readonly lr: readonly Figure[];
}

/** A row of results.csv: see EpochRow. */
export interface PageEpoch {
  readonly epoch: number;
  readonly lr: Figure;
  readonly train_loss: Figure;
  readonly train_cat: Figure;
  readonly train_cont: Figure;
  readonly train_accuracy: Figure;
  readonly val_loss: Figure;
  readonly val_cat: Figure;
  readonly val_cont: Figure;
  readonly val_accuracy: Figure;
  readonly val_ccc_valence: Figure;
  readonly val_ccc_arousal: Figure;
  readonly seconds: Figure;
  readonly skipped: number;
}

/** predictions.csv by columns: what the best weights say of the validation set. Classes are places in `classes`. */
export interface PagePredictions {
  readonly image: readonly string[];
  readonly expression: readonly number[];
  readonly predicted: readonly number[];
  /** Probability of what was predicted, and of what is true; null: a file of before 0.2.0 has none. */
  readonly confidence: readonly number[] | null;
  readonly likelihood: readonly number[] | null;
  /** [true, predicted] of each; null: the model has none. */
  readonly valence: readonly [true_: number, predicted: number][] | null;
  readonly arousal: readonly [true_: number, predicted: number][] | null;
}

/** How much of node i's classifier comes from node j, row by row: each row adds up to 1. See `classifierContributions`. */
export interface PageContributions {
  readonly epoch: number;
  readonly share: readonly number[];
}

/** The label graph of emotion_gcn. */
export interface PageGraph {
  /** Classes, valence, arousal. */
  readonly nodes: readonly string[];
  /** A, nodes x nodes, row by row. */
  readonly A: readonly number[];
  /** Before training (epoch 0) and of the best weights, as far as they are known. */
  readonly before: PageContributions | null;
  readonly after: PageContributions | null;
}

/** How numbers are spread: `counts` of equal bins from `from` to `to`. */
export interface PageSpread {
  readonly from: number;
  readonly to: number;
  readonly mean: number;
  readonly std: number;
  readonly counts: readonly number[];
}

/** A line of layers.jsonl: layers after an epoch (0: before the first). */
export interface PageLayers {
  readonly epoch: number;
  readonly layers: readonly {
    /** As parameters are called, without `.weight`. */
    readonly name: string;
    readonly weights: PageSpread | null;
    /** Of the epoch's last step; null: none was taken, or the layer is frozen. */
    readonly gradients: PageSpread | null;
    /** L2 norm of that gradient. */
    readonly gradient_norm: Figure;
    /** Of the layer's outputs on some validation faces. */
    readonly activations: PageSpread | null;
    /** Fraction of its channels that are 0 (as the next layer sees them) on all those faces; null: none are. */
    readonly dead: Figure;
  }[];
}

/** An op of profile.json: see OpTime. */
export interface PageOp {
  readonly op: string;
  readonly launches: number;
  readonly milliseconds: number;
  readonly share: number;
  readonly gflops: number;
  readonly gbps: number;
}

/** A run, as far as its folder tells. Whatever a damaged or missing file would have told is null or empty, and `problems` has a line on it. */
export interface PageRun {
  /** Its place in addresses: r0, r1, … */
  readonly id: string;
  /** Its folder, as it was named. */
  readonly name: string;
  /** Whether a program is writing it. */
  readonly running: boolean;
  /** args.json. */
  readonly args: Readonly<Record<string, unknown>>;
  /** manifest.json; null: not there. */
  readonly manifest: Readonly<Record<string, unknown>> | null;
  readonly classes: readonly string[];
  readonly steps: PageSteps;
  readonly epochs: readonly PageEpoch[];
  /** metrics.json (RunMetrics): confusion, per_class, reliability, best_epoch, …; null: no epoch has ended. */
  readonly metrics: Readonly<Record<string, unknown>> | null;
  readonly predictions: PagePredictions | null;
  readonly graph: PageGraph | null;
  /** Some of the epochs, at most 12, evenly, with the first and the latest. */
  readonly layers: readonly PageLayers[];
  /** Null: not profiled. */
  readonly profile: readonly PageOp[] | null;
  /** Lines of run.log, the last 2,000. */
  readonly log: readonly string[];
  readonly problems: readonly string[];
  /** Pictures by the row of `predictions`, as data: addresses, in a report that was asked for them; null: `/picture/ID/ROW` has them, or there are none. */
  readonly pictures: Readonly<Record<string, string>> | null;
}

/** What stands in the page's <script id="page" type="application/json">. */
export type PageSource =
  /** Served beside runs: GET runs gives PageRun[], GET events the PageEvents, both with the page's own ?token=. */
  | { readonly kind: 'live'; readonly version: string }
  /** report.html: all is inside. */
  | { readonly kind: 'report'; readonly version: string; readonly made: string; readonly runs: readonly PageRun[] }
  /** The static site, where the network itself runs. */
  | { readonly kind: 'site'; readonly version: string };

/** An event of GET events, as its data. */
export type PageEvent =
  /** Behind the steps that the page has; those from `after` on (places) are gone: a run that was resumed repeats them. */
  | { readonly id: string; readonly after: number; readonly steps: PageSteps }
  /** Behind the log's lines. */
  | { readonly id: string; readonly log: readonly string[] }
  /** Parts of the run that are as follows now. */
  | { readonly id: string; readonly set: Partial<Omit<PageRun, 'id' | 'steps' | 'log'>> };
