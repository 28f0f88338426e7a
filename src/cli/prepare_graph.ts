// What the GCN of Emotion-GCN starts from: the word vectors of its nodes, and the graph that links them.
import { extname } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import type { Adjacency } from '../data';
import { writeWhole } from '../data/files';
import { type Dataset, nodesOf } from '../data/labels';
import { checkNotOfRun } from '../train/run/files';
import { TRAIN_SETTINGS, type TrainArgs } from '../train/settings/args';
import { readClasses } from '../train/settings/data';
import { checkAnnotations, checkFile, checkFolder } from '../train/settings/places';
import { orNone, readSettings, type Settings, text } from '../train/settings/settings';
import { formatTable } from './format';
import { addSettings } from './settings_options';
import { print } from './terminal';

const out = (preset: string, endings: string) => ({
  kind: text('FILE', 'the path of a file to write'),
  default: preset,
  help: `file to write, by its ending: ${endings}`,
});

interface ClassSettings {
  dataset: Dataset;
  num_classes: number | null;
  classes: readonly string[] | null;
}

/** Whose classes the nodes are. */
const OF_CLASSES: Settings<ClassSettings> = {
  dataset: TRAIN_SETTINGS.dataset,
  num_classes: TRAIN_SETTINGS.num_classes,
  classes: TRAIN_SETTINGS.classes,
};

interface EmbeddingSettings extends ClassSettings {
  glove: string;
  out: string;
}

const EMBEDDING: Settings<EmbeddingSettings> = {
  glove: {
    kind: text('FILE', 'the path of word vectors'),
    help: "GloVe's text of 300 numbers a word (glove.6B.300d.txt)",
  },
  ...OF_CLASSES,
  out: out('emb.pkl', '.pkl, .pth or .pt as torch.save writes, or .safetensors'),
};

const EMBEDDING_NOTE = `
What it does: the nodes of the label graph are the classes, then valence and arousal. Each one's name in lower case is looked
up in the text; the first line that begins with that very word counts. The vectors, a row a node, are a float32 tensor.

GloVe: https://nlp.stanford.edu/projects/glove/ (glove.6B.zip holds glove.6B.300d.txt).

Examples:
  emotion-gcn prepare embeddings --glove glove.6B.300d.txt
  emotion-gcn prepare embeddings --glove glove.6B.300d.txt --dataset affwild2 --out emb_affwild2.pkl`;

/** `emotion-gcn prepare embeddings` */
export const prepareEmbeddings = (): Command =>
  addSettings(
    new Command('embeddings').description("word vectors of the label graph's nodes, from GloVe's text"),
    EMBEDDING,
  )
    .option('--show', 'print the whole matrix')
    .addHelpText('after', EMBEDDING_NOTE)
    .action(async ({ show, ...options }: Record<string, unknown>) => {
      const { glove, out, ...which } = readSettings(EMBEDDING, options);
      const { EMBEDDING_SIZE, encodeEmbedding, loadEmbedding, torchEmbedding } = await import('../data');
      const encode = encoderOf(out, {
        '.pkl': torchEmbedding,
        '.pth': torchEmbedding,
        '.pt': torchEmbedding,
        '.safetensors': encodeEmbedding,
      });
      checkFile('glove', glove);
      const nodes = nodesOf(readClasses(which, options).classes);
      const emb = await loadEmbedding(glove, nodes);
      const row = (i: number) => emb.subarray(i * EMBEDDING_SIZE, (i + 1) * EMBEDDING_SIZE);
      const shown = show ? EMBEDDING_SIZE : 4;
      const table = nodes.map((node, i) => {
        const numbers = [...row(i).subarray(0, shown)].map((v) => v.toFixed(5));
        return [String(i), node, node.toLowerCase(), Math.hypot(...row(i)).toFixed(3), ...numbers];
      });
      const header = ['row', 'node', 'word', 'length', ...Array.from({ length: shown }, (_, i) => String(i))];
      print(`read: ${glove}\n\n${formatTable([header, ...table], 3)}\n`);
      await writeWhole(out, await encode(emb, nodes));
      print(`written to ${out}: ${nodes.length} x ${EMBEDDING_SIZE} float32, rows as above`);
    });

interface AdjacencySettings extends ClassSettings, Pick<TrainArgs, 'columns' | 'align'> {
  data: string;
  image_dir: string | null;
  adj_threshold: number;
  out: string;
}

const ADJACENCY: Settings<AdjacencySettings> = {
  data: { ...TRAIN_SETTINGS.data, help: `training ${TRAIN_SETTINGS.data.help}` },
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder of the videos' folders, where --data is Aff-Wild2's annotation folder",
  },
  columns: TRAIN_SETTINGS.columns,
  align: { ...TRAIN_SETTINGS.align, help: 'as train has it: with on, faces without landmarks do not count' },
  ...OF_CLASSES,
  adj_threshold: TRAIN_SETTINGS.adj_threshold,
  out: out('adj.pkl', ".pkl (the original's DataFrame of correlations) or .safetensors (every step)"),
};

/** What is computed, in order, with the matrix of each step. */
const STEPS: readonly (readonly [keyof Adjacency, string])[] = [
  ['rho', "rho: Spearman's rank correlation of each two columns (this is what adj.pkl holds)"],
  ['absolute', 'absolute: |rho|'],
  ['masked', 'masked: the same without links between two classes (they only exclude each other)'],
  ['edges', 'edges: 1 where masked is at least --adj_threshold (0.1), or else where it is largest'],
  ['A', 'A: each row 0.5 for the node itself, and 0.5 shared by its edges; 1 for a class that does not occur'],
  ['adj', 'adj = (A D)^T D with D = diag(row sums of A)^-1/2: what the GCN multiplies by'],
];

const ADJACENCY_NOTE = `
What it does: the training labels become columns, one a node: for each class 1 where a face has it, else 0; valence; arousal.
  ${STEPS.map(([, what], i) => `${i + 1}. ${what}`).join('\n  ')}
The original reads rho from adj.pkl and makes the other steps when it starts; --show prints the matrix of each.

Examples:
  emotion-gcn prepare adjacency --data AffectNet/training.csv --show
  emotion-gcn prepare adjacency --data data_affwild2.pkl --dataset affwild2 --out adj_affwild2.pkl`;

/** `emotion-gcn prepare adjacency` */
export const prepareAdjacency = (): Command =>
  addSettings(new Command('adjacency').description('the label graph, from training annotations'), ADJACENCY)
    .option('--show', "print each step's matrix")
    .addHelpText('after', ADJACENCY_NOTE)
    .action(async ({ show, ...options }: Record<string, unknown>) => {
      const {
        data,
        image_dir,
        columns,
        align,
        adj_threshold: threshold,
        out,
        ...which
      } = readSettings(ADJACENCY, options);
      const {
        absentClasses,
        buildAdjacency,
        describeWeak,
        describeAnnotations,
        encodeAdjacency,
        pickleAdjacency,
        readAnnotations,
        withValenceArousal,
      } = await import('../data');
      const encode = encoderOf(out, { '.pkl': pickleAdjacency, '.safetensors': encodeAdjacency });
      checkAnnotations('data', data);
      if (image_dir !== null) checkFolder('image_dir', image_dir);
      const { classes } = readClasses(which, options);
      const read = await readAnnotations(data, {
        dataset: which.dataset,
        classes,
        imageDir: image_dir,
        columns,
        align,
      });
      const train = withValenceArousal(read.train, 'the label graph');
      const nodes = nodesOf(classes);
      const adjacency = buildAdjacency(train.samples, classes, threshold);
      print(`read: ${describeAnnotations(train)}`);
      print(`columns: ${nodes.join(', ')}\n`);
      const absent = absentClasses(train.samples, classes);
      if (absent.length > 0) print(`no face of ${absent.join(', ')}: no edge\n`);
      const weak = describeWeak(adjacency, nodes, threshold);
      if (weak) print(`${weak}\n`);
      for (const [i, [step, what]] of STEPS.entries()) {
        print(`${i + 1}. ${what}`);
        if (show) print(`${matrix(adjacency[step] as Float64Array, nodes)}\n`);
      }
      await writeWhole(out, encode(adjacency, nodes));
      print(`${show ? '' : '(--show prints the matrices)\n\n'}written to ${out}`);
    });

const matrix = (values: Float64Array, nodes: readonly string[]): string =>
  formatTable([
    ['', ...nodes],
    ...nodes.map((node, i) => [
      node,
      ...Array.from(values.subarray(i * nodes.length, (i + 1) * nodes.length), (v) => v.toFixed(4)),
    ]),
  ]);

/** The encoder that a file's ending asks for. @throws InputError for another ending, or a file of a run */
function encoderOf<T>(out: string, byEnding: Readonly<Record<string, T>>): T {
  checkNotOfRun(out);
  const ending = extname(out).toLowerCase();
  if (Object.hasOwn(byEnding, ending)) return byEnding[ending];
  throw new InputError(
    `--out expects a file that ends in ${Object.keys(byEnding).join(', ')}, found ${JSON.stringify(out)}`,
  );
}
