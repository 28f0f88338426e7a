import { extname } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import { isVideo } from '../data/picture_list';
import { FACES, type FacePrediction, type Faces } from '../train/measures/face_prediction';
import { PREDICTION_FORMATS, PredictionFile, type PredictionFormat } from '../train/measures/prediction_file';
import { csvHeader, csvRow, jsonElement, type RowShape } from '../train/measures/prediction_text';
import { checkNotOfRun } from '../train/run/files';
import type { Run } from '../train/run/read_run';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, orNone, readSettings, real, type Settings, text } from '../train/settings/settings';
import { NETWORK_SETTINGS, type NetworkSettings } from '../train/settings/trained_network';
import { decimal, formatTable, percent } from './format';
import { stoppable } from './interrupt';
import { addProgress, ProgressView } from './progress';
import { ranks, takeCard } from './ranks';
import { addSettings } from './settings_options';
import { print, printData, say, terminal } from './terminal';

type Format = 'table' | PredictionFormat;

interface PredictFlags extends NetworkSettings {
  faces: Faces;
  fps: number | null;
  image_dir: string | null;
  format: Format | null;
  out: string | null;
  draw: string | null;
  gpu: string | null;
}

const SETTINGS: Settings<PredictFlags> = {
  ...NETWORK_SETTINGS,
  faces: {
    kind: choice(...FACES),
    default: 'all',
    help: 'which faces of a picture: all or the largest that are found, or none: the picture is the face; given boxes win',
  },
  fps: {
    kind: orNone(real(0, { excluded: true })),
    default: null,
    help: 'of a video at most so many frames a second, not every one; with it a folder is a video, of which it has so many',
  },
  image_dir: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: "folder that paths in lists start from and stay in (/ allows any); default: the list's",
  },
  format: {
    kind: orNone(choice('table', ...PREDICTION_FORMATS)),
    default: null,
    help: 'what is written; default: table, or what the name of --out ends in',
  },
  out: {
    kind: orNone(text('FILE', 'the path of a file')),
    default: null,
    help: 'write to this file, row by row; stopped, the same command goes on with it; default: print',
  },
  draw: {
    kind: orNone(text('DIR', 'the path of a folder')),
    default: null,
    help: 'draw each picture into this folder, with boxes, landmarks, names and shares of its faces (a JPEG of at most 2000 pixels a side)',
  },
  gpu: TRAIN_SETTINGS.gpu,
};

const EXAMPLE = `
Examples:
  emotion-gcn predict photo.jpg
  emotion-gcn predict --draw drawn party.jpg
  emotion-gcn predict --saved_model run1 --out faces.csv photographs/
  emotion-gcn predict --saved_model run1 --faces largest --format jsonl portraits/ > portraits.jsonl
  emotion-gcn predict --saved_model run1 --faces none crops/
  emotion-gcn predict --saved_model run1 --fps 2 --out film.csv film.mp4
  emotion-gcn predict --checkpoint original.pth --emb emb.pkl photographs/
  emotion-gcn predict --saved_model run1 --format csv --image_dir AffectNet/Manually_Annotated_Images list.csv

Without --saved_model and --checkpoint the expression network of face-api answers, which comes with this package: seven classes, no
valence and arousal, right on 53 to 61 % of 224 photographs, by how they are cut.

Faces are found, levelled by their eyes and cut as AffectNet's are. With --faces none each picture is one face already (a crop, a drawing), of
which the largest centred square is looked at.

A folder stands for the pictures below it; a .txt for a path a line; a .csv has a column image (or AffectNet's own) and may have face_x,
face_y, face_width, face_height (the face box) and facial_landmarks (68 points x;y;…): where a box is given, none is looked for.
A video is an animated GIF or WebP, any film that the program ffmpeg reads, or with --fps a folder of frames by their names: a row a frame
and face, with its time in seconds.
json: an array of {image, face, expression, probabilities: {NAME: p}, valence, arousal, box: [x, y, width, height], landmarks: [[x, y], …],
score}, one for each face, counted from 0, left to right; null where the model has none, and all of a picture without a face; with --faces none
without face, box, landmarks, score. jsonl: the same, one a line; --json is short for --format json. With --out a run that was stopped or killed is
gone on with by the same command: what the file has is kept, and its last rows are computed once more to see that the network is the same.
It computes in f32, whatever the run's --precision.

A drawing is called as its picture; where others have that name, as its folders and the picture; of frames with their time behind it. Drawings of the same
pictures are replaced, other files never. What --out has already is not drawn again.`;

/** `emotion-gcn predict` */
export const predictCommand = (): Command =>
  addProgress(
    addSettings(
      new Command('predict')
        .description('find the faces of pictures and videos and say what a trained network sees in them')
        .argument('<SOURCE...>', 'picture files, videos, folders, or lists (.txt, .csv)'),
      SETTINGS,
    ),
  )
    .option('--json', 'the same as --format json')
    .addHelpText('after', EXAMPLE)
    .action(async (sources: string[], { json, ...options }: { json?: boolean }) => {
      const settings = readSettings(SETTINGS, { ...(json ? { format: 'json' } : {}), ...options });
      const { gpu, image_dir, faces, fps, out, draw } = settings;
      const format = settings.format ?? formatOf(out);
      if (terminal.progress === 'json' && out === null)
        throw new InputError('--progress json writes to stdout, where predictions go: give them an --out FILE');
      const own = ranks();
      const isFirst = own.rank === 0;
      const drawings =
        draw === null || !isFirst
          ? null
          : new (await import('../train/reports/photographs/drawings')).Drawings(draw, sources);
      const run = await openRun(settings);
      const { predict } = await import('../train/measures/predict');
      let time = false;
      for (const source of sources) time = (await isVideo(source, fps)) || time;
      const shape = { classes: run.args.classes, faces: faces !== 'none', time };
      const onPicture = drawings ? drawings.add.bind(drawings) : undefined;
      const view = new ProgressView('predictions');
      const how = { gpu, image_dir, faces, fps, say, onPicture, ranks: own };
      const tellDrawn = (): void => {
        if (drawings) say(`drawn: ${drawings.length} in ${draw}`);
      };
      takeCard(gpu);
      if (out !== null && isFirst) {
        if (format === 'table')
          throw new InputError(`--out expects --format ${PREDICTION_FORMATS.join(', ')}, found table`);
        checkNotOfRun(out);
        const file = new PredictionFile(out, format, shape);
        const done = { rows: file.rows(), file: out };
        const write = async (signal: AbortSignal): Promise<true> => {
          let finished = false;
          try {
            for await (const prediction of predict(run, sources, { ...how, done, signal })) {
              await file.add(prediction);
              view.onPrepare(file.length, null);
            }
            finished = true;
          } finally {
            view.stop();
            await file.close(finished);
          }
          return true;
        };
        const whole = await stoppable(write, () => say('stopping'));
        if (whole) say(`${file.length} predictions in ${out}`);
        else say(`stopped; ${file.length} predictions are in ${out}, the same command goes on`);
        tellDrawn();
        if (whole && terminal.progress === 'json') terminal.event('result', { predictions: file.length, out });
        return;
      }
      const all: FacePrediction[] = [];
      let count = 0;
      if (format === 'csv') printData(csvHeader(shape));
      const look = async (signal: AbortSignal): Promise<true> => {
        for await (const prediction of predict(run, sources, { ...how, signal })) {
          view.onPrepare(++count, null);
          if (format === 'jsonl') printData(JSON.stringify(prediction));
          else if (format === 'csv') printData(csvRow(prediction, shape));
          else all.push(prediction);
        }
        return true;
      };
      const whole = await stoppable(look, () => say('stopping')).finally(() => view.stop());
      tellDrawn();
      if (!whole) return;
      if (format === 'json') printData(`[\n${all.map(jsonElement).join(',\n')}\n]`);
      if (format === 'table') print(predictionTable(all, shape));
    });

/** By the name of the file; without one a table. @throws InputError for another name */
function formatOf(out: string | null): Format {
  if (out === null) return 'table';
  const ending = extname(out).slice(1).toLowerCase();
  const format = PREDICTION_FORMATS.find((name) => name === (ending === 'ndjson' ? 'jsonl' : ending));
  if (!format)
    throw new InputError(`--out ${out}: expected a name that ends in .csv, .json or .jsonl, or --format with it`);
  return format;
}

/** The network that the flags name; of none, the one that comes with the package. */
export async function openRun(settings: NetworkSettings): Promise<Run> {
  const { saved_model, checkpoint, emb, image_size, dataset, classes } = settings;
  if (saved_model !== null || checkpoint !== null)
    return (await import('../train/run/network')).openNetwork(settings, say);
  const needless = Object.entries({ emb, image_size, dataset, classes }).find(([, value]) => value !== null);
  if (needless) throw new InputError(`--${needless[0]} ${needless[1]}: is of a --checkpoint, which is missing`);
  say(
    "no --saved_model or --checkpoint: face-api's expression network answers (seven classes, no valence and arousal, right on 53 to 61 % of " +
      '224 photographs); your own: npx emotion-gcn train --help',
  );
  return (await import('../train/run/expression_network')).expressionNetwork();
}

/** A row a face. */
export function predictionTable(
  predictions: readonly FacePrediction[],
  { classes, faces }: Pick<RowShape, 'classes' | 'faces'>,
): string {
  const isFrame = predictions.some(({ time }) => time !== undefined);
  const header = [
    ...['image', ...(isFrame ? ['time'] : []), ...(faces ? ['face'] : []), 'expression'],
    ...[...classes, 'valence', 'arousal', ...(faces ? ['score'] : [])],
  ];
  const rows = predictions.map(({ image, time, face, expression, probabilities, valence, arousal, score }) => [
    image,
    ...(isFrame ? [time?.toFixed(2) ?? ''] : []),
    ...(faces ? [`${face ?? ''}`] : []),
    expression ?? 'no face',
    ...classes.map((name) => (probabilities ? percent(probabilities[name]) : '')),
    ...(probabilities ? [decimal(valence), decimal(arousal)] : ['', '']),
    ...(faces ? [score ? decimal(score) : ''] : []),
  ]);
  return formatTable([header, ...rows], header.indexOf('expression') + 1);
}
