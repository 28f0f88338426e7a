import { basename } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import type { ExplainedFace, FaceExplanation, FaceMap, Leaning } from '../train/explain/explain';
import type { Neighbour } from '../train/explain/validation_faces';
import { FACES, type Faces } from '../train/measures/face_prediction';
import type { LookedAt } from '../train/measures/predict';
import type { RowShape } from '../train/measures/prediction_text';
import { weightsFile } from '../train/run/read_run';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, text, whole } from '../train/settings/settings';
import { NETWORK_SETTINGS, type NetworkSettings } from '../train/settings/trained_network';
import { decimal, formatTable, percent } from './format';
import { stoppable } from './interrupt';
import { openRun, predictionTable } from './predict';
import { addProgress, ProgressView } from './progress';
import { addSettings } from './settings_options';
import { print, printData, say, terminal } from './terminal';

interface ExplainFlags extends NetworkSettings {
  faces: Faces;
  target: string | null;
  neighbours: number;
  image_dir: string | null;
  out: string | null;
  format: 'table' | 'json';
  gpu: string | null;
}

const SETTINGS: Settings<ExplainFlags> = {
  ...NETWORK_SETTINGS,
  faces: {
    kind: choice(...FACES),
    default: 'all',
    help: 'which faces of a picture: all or the largest that are found, or none: the picture is the face; given boxes win',
  },
  target: {
    kind: orNone(text('CLASS', "a class's name")),
    default: null,
    help: 'the class whose map is wanted; default: of each face the likeliest',
  },
  neighbours: {
    kind: whole(0, 100),
    default: 5,
    help: "how many of the run's validation faces with the most similar features are named; 0: none",
  },
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder that paths in lists start from and stay in (/ allows any); default: the list's",
  },
  out: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: 'draw each face into this folder, with its maps and nearest faces (a JPEG); default: nothing is written',
  },
  format: { kind: choice('table', 'json'), default: 'table', help: 'what is printed' },
  gpu: TRAIN_SETTINGS.gpu,
};

const EXAMPLE = `
Examples:
  emotion-gcn explain --out why photo.jpg
  emotion-gcn explain --saved_model run1 --out why portraits/
  emotion-gcn explain --saved_model run1 --target Fear --faces none --format json crops/00017.jpg

Faces are found, levelled and cut as predict does, and what is said of them is what predict says. Without --saved_model and --checkpoint the
expression network of face-api answers, which comes with this package.

Grad-CAM (Selvaraju et al. 2017) shows which parts of the face raise a score: the class's before softmax, valence, arousal. Its map has the
size of the network's last one: 28 x 28 of bregnext at 112 pixels, else about a place for each 32 x 32 pixels (denselite 16 x 16). Where nothing
raises the score it is all 0.
It says where the network looks, not whether it is right to.

The nearest faces are those of the run's own validation set, by the cosine distance of features (1 - cos, 0 to 2): what the network takes for
most alike. Their features are computed once and kept (emotion-gcn cache), by the network's weights and the pictures; where the set is not there
any more, or the network came without a run, a line says so.

Of emotion_gcn also what each label's classifier leans on: how much of it comes from each node of the label graph, through the last graph
convolution. A row adds up to 100 %; a part that points away from the whole is negative.

A drawing is called as its picture and the face's number; where others have that name, as its folders and the picture. Drawings of the same
faces are replaced, other files never.
json: {model, network, weights, classes, image_size, distance, faces, graph}. Each of faces is what predict gives, with maps: [{of, score, size,
peak: [x, y] in pixels of the cut face or null, map: [[…], …] in [0, 1]}], neighbours: [{image, expression, valence, arousal, distance}] or null, and
drawing, its file or null. graph: {nodes, share: [[…], …]}, null but of emotion_gcn.`;

/** `emotion-gcn explain` */
export const explainCommand = (): Command =>
  addProgress(
    addSettings(
      new Command('explain')
        .description(
          'show why a trained network says what it says of faces: where it looks, what they are like, what its classifiers lean on',
        )
        .argument('<SOURCE...>', 'picture files, videos, folders, or lists (.txt, .csv)'),
      SETTINGS,
    ),
  )
    .addHelpText('after', EXAMPLE)
    .action(async (sources: string[], options: Record<string, unknown>) => {
      const settings = readSettings(SETTINGS, options);
      if (terminal.progress === 'json')
        throw new InputError('--progress json writes to stdout, where what is explained goes: leave it out');
      const { gpu, image_dir, faces, target, neighbours, out, format } = settings;
      const drawings =
        out === null ? null : new (await import('../train/reports/photographs/drawings')).Drawings(out, sources, 'out');
      const run = await openRun(settings);
      const { explain, leaning } = await import('../train/explain/explain');
      const { classes } = run.args;
      if (target !== null && !classes.includes(target))
        throw new InputError(`--target expects a class of the network: ${classes.join(', ')}; found ${target}`);
      const graph = await leaning(run);
      const drawn = new WeakMap<FaceExplanation, string>();
      const { drawExplained } = await import('../train/reports/photographs/explained_face');
      const onPicture = drawings
        ? async (picture: LookedAt, all: readonly ExplainedFace[]): Promise<void> => {
            const rows = all.map(({ row }) => row);
            for (const one of all) {
              const face = one.row.face ?? 0;
              const title = `${basename(picture.file)}${rows.length > 1 ? `, face ${face}` : ''}`;
              drawn.set(one.row, await drawings.put(picture, rows, face, (mark) => drawExplained(one, title, mark)));
            }
          }
        : undefined;
      const [features, explained] = [
        new ProgressView('features of validation faces'),
        new ProgressView('faces explained'),
      ];
      const onFeatures = features.onPrepare;
      const faceRows: FaceRow[] = [];
      const look = async (signal: AbortSignal): Promise<true> => {
        const how = { gpu, image_dir, faces, target, neighbours, say, onFeatures, onPicture, signal };
        for await (const row of explain(run, sources, how)) {
          faceRows.push(rowOf(row, drawn.get(row) ?? null));
          explained.onPrepare(faceRows.length, null);
        }
        return true;
      };
      const finished = await stoppable(look, () => say('stopping')).finally(() => {
        features.stop();
        explained.stop();
      });
      if (drawings) say(`drawn: ${drawings.length} in ${out}`);
      if (!finished) return;
      if (format === 'table') print(tables(faceRows, graph, { classes, faces: faces !== 'none' }));
      else {
        const { model, network, image_size } = run.args;
        const weights = run.given?.file ?? weightsFile(run, 'best');
        printData(json({ model, network, weights, classes, image_size, distance: 'cosine', faces: faceRows, graph }));
      }
    });

/** A face as it is printed. */
type FaceRow = Omit<FaceExplanation, 'crop' | 'maps' | 'neighbours'> & {
  readonly maps: readonly (Omit<FaceMap, 'map'> & { readonly map: readonly (readonly number[])[] })[] | null;
  readonly neighbours: readonly Neighbour[] | null;
  readonly drawing: string | null;
};

function rowOf({ crop, maps = [], neighbours = null, ...row }: FaceExplanation, drawing: string | null): FaceRow {
  const rounded = (v: number): number => Math.round(v * 1e4) / 1e4;
  return {
    ...row,
    maps: crop
      ? maps.map(({ map, ...of }) => ({
          ...of,
          map: Array.from({ length: of.size }, (_, y) =>
            Array.from(map.subarray(y * of.size, (y + 1) * of.size), rounded),
          ),
        }))
      : null,
    neighbours:
      neighbours?.map(({ image, expression, valence, arousal, distance }) => ({
        ...{ image, expression, valence, arousal, distance },
      })) ?? null,
    drawing,
  };
}

/** Indented by two; lists of numbers are on one line. */
const json = (value: object): string =>
  JSON.stringify(value, null, 2).replace(
    /\[\s+(-?\d[-\d.e+,\s]*?)\s+\]/g,
    (_, numbers: string) => `[${numbers.replace(/\s+/g, ' ')}]`,
  );

function tables(rows: readonly FaceRow[], graph: Leaning | null, shape: Pick<RowShape, 'classes' | 'faces'>): string {
  const time = rows.some((row) => row.time !== undefined);
  const nameOf = (row: FaceRow): string[] => [
    ...[row.image, ...(time ? [row.time?.toFixed(2) ?? ''] : [])],
    ...(shape.faces ? [`${row.face ?? ''}`] : []),
  ];
  const names = ['image', ...(time ? ['time'] : []), ...(shape.faces ? ['face'] : [])];
  const parts = [predictionTable(rows, shape)];
  const maps = rows.flatMap((row) =>
    (row.maps ?? []).map(({ of, score, size, peak }) => [
      ...nameOf(row),
      ...[of, decimal(score), peak ? peak.map(Math.round).join(', ') : 'nowhere', `${size} x ${size}`],
    ]),
  );
  if (maps.length > 0)
    parts.push(formatTable([[...names, 'raised', 'score', 'most at x, y', 'map'], ...maps], names.length + 1));
  const near = rows.flatMap((row) =>
    (row.neighbours ?? []).map(({ image, expression, valence, arousal, distance }) => [
      ...nameOf(row),
      ...[image, expression, distance.toFixed(4), decimal(valence), decimal(arousal)],
    ]),
  );
  if (near.length > 0)
    parts.push(
      formatTable(
        [[...names, 'nearest validation faces', 'label', 'distance', 'valence', 'arousal'], ...near],
        names.length + 2,
      ),
    );
  if (graph) {
    const { nodes, share } = graph;
    parts.push(
      formatTable([
        ['classifier of \\ leans on', ...nodes],
        ...nodes.map((name, i) => [name, ...share[i].map(percent)]),
      ]),
    );
  }
  return parts.join('\n\n');
}
