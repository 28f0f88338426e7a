// What a run learns from: samples, prepared faces, class weights, the label graph and the word vectors.

import { existsSync } from 'node:fs';
import { orAborted } from '../../base/abort';
import { InputError } from '../../base/errors';
import {
  type AnnotationSet,
  type Annotations,
  absentClasses,
  buildAdjacency,
  type CropOptions,
  CropPool,
  CropSet,
  classCounts,
  classWeights,
  describeAnnotations,
  describeBad,
  describeWeak,
  encodeAdjacency,
  encodeEmbedding,
  groupsOf,
  loadEmbedding,
  nodesOf,
  readAdjacency,
  readAnnotations,
  type Samples,
  type Split,
  sharedGroups,
  splitGroups,
  splitSamples,
  withValenceArousal,
} from '../../data';
import { canvasOf } from '../../data/face';
import { inFile, lookAt } from '../../data/files';
import { GLOVE_100D, GLOVE_300D } from '../../data/words/glove_100d';
import { fromFirst } from '../../ranks/agree';
import { ALONE, type Ranks } from '../../ranks/ranks';
import { PREPARED_FIRST } from '../run/format';
import type { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';
import type { TrainHooks } from './events';

export interface RunData {
  readonly train: CropSet;
  readonly val: CropSet;
  readonly classWeights: Float32Array;
  /** Classes that no training face has. */
  readonly untrained: readonly string[];
  /** The label graph's A, K x K, and word vectors, K x 300, for emotion_gcn. */
  readonly graph: { readonly A: Float32Array; readonly embedding: Float32Array } | null;
  /** Of the annotations, by their path: see `hashOf`. */
  readonly hashes: Readonly<Record<string, string>>;
  /** See `CropPool.limitThreads`. */
  limitThreads(most: number): void;
  close(): Promise<void>;
}

interface DataOptions extends Pick<CropOptions, 'onGroup'> {
  readonly signal?: AbortSignal;
  /** Whose rule it goes by: see `FORMAT_VERSION`. */
  readonly formatVersion: number;
  /** Who trains together: the label graph is rank 0's. */
  readonly ranks?: Ranks;
}

/** What a run's annotations say. */
export interface RunSamples {
  /** What it learns from, and what it is measured on. */
  readonly samples: Split;
  readonly training: AnnotationSet;
  /** null: the samples for it are split off those of `training`. */
  readonly validation: AnnotationSet | null;
  /** Of the annotations, by their path: see `hashOf`. */
  readonly hashes: Readonly<Record<string, string>>;
}

/** Reads the annotations of a run. @throws InputError for what cannot be read; the signal's reason */
export async function readRunSamples(
  args: TrainArgs,
  notice: (line: string) => void,
  signal?: AbortSignal,
): Promise<RunSamples> {
  const { dataset, classes, align, columns, split_by } = args;
  const group = split_by === 'folder' ? null : split_by;
  const options = { dataset, classes, imageDir: args.image_dir, align, columns, group };
  const learnt = (set: AnnotationSet) => (args.model === 'single_task' ? set : withValenceArousal(set, args.model));
  const hashes: Record<string, string> = {};
  const read = async (file: string): Promise<Annotations> => {
    const found = await orAborted(readAnnotations(file, options, args), signal);
    hashes[file] = found.hash;
    return found;
  };
  const given = await read(args.data);
  const training = learnt(given.train);
  const others = args.val_data ? validationOf(await read(args.val_data)) : given.val;
  const validation = others && learnt(others);
  notice(describeAnnotations(training));
  if (!validation) {
    const samples = inFile(training.file, () => splitOff(training.samples, args, notice));
    return { samples, training, validation: null, hashes };
  }
  notice(describeAnnotations(validation));
  if (split_by) notice(describeShared(split_by, training.samples, validation.samples));
  return { samples: { train: training.samples, val: validation.samples }, training, validation, hashes };
}

/** Reads the annotations; faces are prepared as they are asked for. What was made or left out is said through `notice`. The result must be closed. */
export async function openRunData(
  args: TrainArgs,
  folder: RunFolder | null,
  hooks: TrainHooks,
  notice: (line: string) => void,
  { onGroup, signal, formatVersion, ranks = ALONE }: DataOptions,
): Promise<RunData> {
  const { classes, align } = args;
  const { samples, training, validation, hashes } = await readRunSamples(args, notice, signal);
  checkEnough(args, samples.train.length, samples.val.length);
  const own =
    args.model === 'emotion_gcn' && folder ? await openGraph(args, folder, samples.train, notice, signal) : null;
  const graph = await fromFirst(ranks, own);
  const weights = classWeights(samples.train, args.class_weights, classes);
  const untrained = absentClasses(samples.train, classes);
  if (untrained.length > 0) notice(describeUntrained(untrained, args));
  const pool = new CropPool({
    size: args.image_size,
    canvas: canvasOf(align),
    ...cropSettings(args),
    faces: samples.train.length + samples.val.length,
    say: notice,
    onGroup,
  });
  const open = async (part: Samples, { root, bad }: AnnotationSet, counted: boolean): Promise<CropSet> => {
    const badRows = counted ? bad : [];
    for (const item of badRows) notice(`left out: ${describeBad(item)}`);
    const of = { root: root as string, maxBad: args.max_bad, say: notice };
    const set = new CropSet(pool, { ...of, samples: part, badRows });
    if (formatVersion > PREPARED_FIRST) return set;
    return new CropSet(pool, { ...of, samples: await set.usable({ onProgress: hooks.onPrepare, signal }) });
  };
  try {
    const train = await open(samples.train, training, true);
    const val = await open(samples.val, validation ?? training, validation !== null);
    checkEnough(args, train.samples.length, val.samples.length);
    const counts = classCounts(train.samples, classes).map((n, c) => `${classes[c]} ${n}`);
    notice(`${train.samples.length} training and ${val.samples.length} validation faces (${counts.join(', ')})`);
    const limitThreads = (most: number): void => pool.limitThreads(most);
    return { train, val, classWeights: weights, untrained, graph, hashes, limitThreads, close: () => pool.close() };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Splits what there is, and says so. */
function splitOff(
  samples: Samples,
  { val_fraction, seed, classes, split_by }: TrainArgs,
  notice: (line: string) => void,
): Split {
  const groups = split_by === null ? null : groupsOf(samples, split_by);
  const split = groups
    ? splitGroups(samples, val_fraction, seed, groups)
    : splitSamples(samples, val_fraction, seed, classes);
  const whole = groups
    ? `${groupsOf(split.val, groups.by).names.length} of ${groups.names.length} groups by ${groups.by}, `
    : '';
  notice(`no --val_data: ${whole}${split.val.length} of ${samples.length} samples are split off for validation`);
  return split;
}

/** What --split_by finds where sets are given that it does not split. */
function describeShared(by: string, train: Samples, val: Samples): string {
  const shared = sharedGroups(groupsOf(train, by), groupsOf(val, by));
  const names = shared.slice(0, 3).join(', ') + (shared.length > 3 ? ', …' : '');
  const found = shared.length === 0 ? 'no group has' : `${shared.length} (${names}) have`;
  return `--split_by ${by}: nothing is split, the validation set is given; of the groups ${found} faces in both`;
}

/** What settings say of how faces are prepared. */
export const cropSettings = ({
  workers,
  cache,
  cache_limit = null,
  verify,
}: Pick<TrainArgs, 'workers' | 'cache'> & Partial<Pick<TrainArgs, 'cache_limit' | 'verify'>>): Pick<
  CropOptions,
  'workers' | 'cache' | 'cacheLimit' | 'verify'
> => ({
  workers,
  verify,
  cache: cache ?? undefined,
  cacheLimit: cache_limit === null ? undefined : 1e9 * cache_limit,
});

/** What follows for a class that no training face has. */
function describeUntrained(untrained: readonly string[], { model, class_weights }: TrainArgs): string {
  const follows = [
    ...(model === 'emotion_gcn' ? ['no edge in the label graph'] : []),
    ...(class_weights === 'balanced' ? ['weight 0'] : []),
    'not in macro F1',
  ];
  return `no training face of ${untrained.join(', ')}: ${follows.join(', ')}`;
}

/** The set that a model is measured on: the validation part, or all of a file that has no parts. */
export const validationOf = ({ train, val }: Annotations): AnnotationSet => val ?? train;

/** @throws InputError where valence and arousal have too few faces for the CCC that is asked for */
function checkEnough({ model, best }: TrainArgs, train: number, val: number): void {
  if (model === 'single_task') return;
  if (train < 2) throw new InputError(`${model} expects at least 2 training faces (one has no CCC), found ${train}`);
  if (best !== 'accuracy' && val < 2)
    throw new InputError(`--best ${best} expects at least 2 validation faces (one has no CCC), found ${val}`);
}

/** The graph and vectors of a run: what it has kept, else what its settings name or its labels give, which is then kept. */
async function openGraph(
  args: TrainArgs,
  folder: RunFolder,
  samples: Samples,
  notice: (line: string) => void,
  signal?: AbortSignal,
): Promise<{ A: Float32Array; embedding: Float32Array }> {
  const { classes } = args;
  const nodes = nodesOf(classes);
  const [kept, vectors] = [folder.path('adj.safetensors'), folder.path('emb.safetensors')];
  if (!folder.isNew && existsSync(kept) && existsSync(vectors)) {
    return {
      A: Float32Array.from((await readAdjacency(kept, nodes)).A),
      embedding: await loadEmbedding(vectors, nodes),
    };
  }
  const source = args.emb ?? GLOVE_100D;
  const embedding = await orAborted(loadEmbedding(source, nodes), signal);
  if (source === 'random') notice('--emb random: made-up word vectors');
  if (source === GLOVE_100D) notice(`--emb ${GLOVE_100D}: GloVe's word vectors of 100 numbers; ${GLOVE_300D}`);
  const { adj_threshold: threshold } = args;
  const given = args.adj !== null && lookAt(args.adj) !== 'nothing';
  const adjacency = given
    ? await readAdjacency(args.adj as string, nodes, threshold)
    : buildAdjacency(samples, classes, threshold);
  if (!given)
    notice(`${args.adj ? `${args.adj} is not there: the` : 'the'} label graph is made from the training labels`);
  const weak = describeWeak(adjacency, nodes, threshold);
  if (weak) notice(weak);
  await folder.write('adj.safetensors', encodeAdjacency(adjacency, nodes));
  await folder.write('emb.safetensors', encodeEmbedding(embedding, nodes));
  return { A: Float32Array.from(adjacency.A), embedding };
}
