// explain in the library: what predict says, maps, the nearest faces of the run's own validation set, and what its graph gives.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { nodesOf, writeSyntheticSet } from '../../src/data';
import {
  type ExplainedFace,
  type ExplainSettings,
  explain,
  type FaceExplanation,
  leaning,
} from '../../src/train/explain/explain';
import { Trainer } from '../../src/train/loop/trainer';
import { predict } from '../../src/train/measures/predict';
import { expressionNetwork } from '../../src/train/run/expression_network';
import { openNetwork } from '../../src/train/run/network';
import { type Run, readRun } from '../../src/train/run/read_run';
import { readTrainArgs } from '../../src/train/settings/args';

const test = suite('explain');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-explain-'));
const [faces, cache] = [join(dir, 'faces'), join(dir, 'cache')];
const [gcn, single] = [join(dir, 'gcn'), join(dir, 'single')];
const LIST = join(faces, 'validation.csv');
const VALIDATION = 21;
test.after(() => rmSync(dir, { recursive: true, force: true }));

test.before(async () => {
  const { training, validation } = await writeSyntheticSet({
    out: faces,
    n: 28,
    validation: VALIDATION,
    seed: 5,
    size: 64,
  });
  const of = {
    image_dir: faces,
    data: training,
    network: 'denselite',
    image_size: 32,
    batch_size: 14,
    epochs: 1,
    cache,
  };
  const train = (args: object) => new Trainer(readTrainArgs({ ...of, ...args })).run();
  await train({ val_data: validation, saved_model: gcn, model: 'emotion_gcn', emb: 'random' });
  // Its validation faces are split off.
  await train({ saved_model: single, model: 'single_task', val_fraction: 0.25 });
});

/** What is explained, what was said, and how many features were computed. */
async function ask(run: Run, sources: readonly string[], settings: ExplainSettings = {}) {
  const [rows, said]: [FaceExplanation[], string[]] = [[], []];
  let computed = 0;
  const onFeatures = (done: number): void => {
    computed = done;
  };
  for await (const row of explain(run, sources, { say: (line) => said.push(line), onFeatures, ...settings }))
    rows.push(row);
  return { rows, said: said.join('\n'), computed };
}

test('all that predict says, with a map of the likeliest class, of valence and of arousal', async () => {
  const run = readRun(gcn);
  const predicted = [];
  for await (const row of predict(run, [LIST], { image_dir: faces })) predicted.push(row);
  const { rows } = await ask(run, [LIST], { image_dir: faces, neighbours: 0 });
  assert.is(rows.length, VALIDATION);
  for (const [i, { crop, maps, neighbours, ...row }] of rows.entries()) {
    assert.equal(row, predicted[i]);
    assert.is(neighbours, null);
    assert.is(crop?.data.length, 32 * 32 * 3);
    assert.equal(
      maps?.map(({ of, size, map }) => [of, size, map.length]),
      [row.expression, 'valence', 'arousal'].map((of) => [of, 2, 4]),
    );
    assert.ok(Math.abs((maps?.[1].score as number) - (row.valence as number)) < 1e-4);
    for (const { map, peak, size } of maps ?? []) {
      if (peak === null) assert.ok(map.every((v) => v === 0));
      else assert.is(map[Math.floor((peak[1] * size) / 32) * size + Math.floor((peak[0] * size) / 32)], 1);
    }
  }
  assert.ok(rows.some(({ maps }) => maps?.some(({ peak }) => peak !== null)));
});

test('the nearest faces are of the validation set, each itself first; their features are kept', async () => {
  const run = readRun(gcn);
  const seen: ExplainedFace[] = [];
  const onPicture = async (_: unknown, explained: readonly ExplainedFace[]): Promise<void> =>
    void seen.push(...explained);
  const { rows, computed, said } = await ask(run, [LIST], { image_dir: faces, neighbours: 4, onPicture });
  assert.is(said, '');
  assert.is(computed, VALIDATION);
  const named = readFileSync(LIST, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split(',')[0]);
  for (const [i, { neighbours }] of rows.entries()) {
    assert.ok(neighbours);
    if (!neighbours) continue;
    assert.is(neighbours.length, 4);
    assert.is(neighbours[0].image, named[i]);
    assert.ok(neighbours[0].distance < 1e-6, `${neighbours[0].distance}`);
    const distances = neighbours.map(({ distance }) => distance);
    assert.equal(
      distances,
      distances.slice().sort((a, b) => a - b),
    );
    assert.ok(neighbours.every(({ expression, valence }) => run.args.classes.includes(expression) && valence !== null));
  }
  // The picture of a neighbour is the face that training sees: here the asked one.
  for (const { row, pictures } of seen) assert.equal(pictures[0]?.data, row.crop.data);
  const again = await ask(run, [LIST], { image_dir: faces, neighbours: 4 });
  assert.is(again.computed, 0, 'kept');
  assert.equal(again.rows, rows);
  // Of another picture in the place of one they are computed anew, and so they are by other weights.
  utimesSync(join(faces, named[3]), new Date(), new Date(Date.now() - 1e7));
  assert.is((await ask(run, [LIST], { image_dir: faces })).computed, VALIDATION);
  const state = await openNetwork({
    saved_model: gcn,
    checkpoint: join(gcn, 'weights/best.safetensors'),
    emb: null,
    image_size: null,
    dataset: null,
    classes: null,
  });
  for (const [name, { data }] of state.given?.state ?? [])
    if (name.endsWith('dense3.conv3.pointwise.bias')) (data as Float32Array)[0] += 1;
  assert.is((await ask(state, [LIST], { image_dir: faces })).computed, VALIDATION);
  // What is damaged is computed anew.
  for (const name of readdirSync(join(cache, 'features'))) writeFileSync(join(cache, 'features', name), 'damaged');
  const anew = await ask(run, [LIST], { image_dir: faces, neighbours: 4 });
  assert.is(anew.computed, VALIDATION);
  assert.equal(anew.rows, rows);
});

test('a validation set that was split off; of a model of classes alone there is one map, and no graph', async () => {
  const run = readRun(single);
  const { rows, computed } = await ask(run, [join(faces, 'training.csv')], { image_dir: faces, target: 'Fear' });
  assert.is(computed, 7);
  assert.equal([...new Set(rows.flatMap(({ maps }) => maps?.map(({ of }) => of)))], ['Fear']);
  const split = new Set(rows.flatMap(({ neighbours }) => neighbours?.map(({ image }) => image)));
  assert.ok(split.size <= 7 && split.size >= 5, `${[...split]}`);
  assert.is(rows.filter(({ image, neighbours }) => image.endsWith(neighbours?.[0].image as string)).length, 7);
  assert.is(await leaning(run), null);
});

test('where the validation set is no more, or there never was one, a line says so', async () => {
  const run = readRun(gcn);
  const [face] = readdirSync(join(faces, 'images/training')).map((name) => join(faces, 'images/training', name));
  const [one, moved] = [[face], join(dir, 'moved')];
  const how = { faces: 'none' } as const;
  const some = join(faces, 'images/validation');
  const hidden = readdirSync(some).slice(0, 2);
  for (const name of hidden) renameSync(join(some, name), join(dir, name));
  const fewer = await ask(run, one, { ...how, neighbours: 100 });
  assert.match(fewer.said, /^2 of 21 validation faces cannot be read: they are no neighbours$/);
  assert.is(fewer.rows[0].neighbours?.length, VALIDATION - 2);
  for (const name of hidden) renameSync(join(dir, name), join(some, name));
  renameSync(LIST, moved);
  const gone = await ask(run, one, how);
  assert.match(gone.said, /^no nearest faces: .*validation\.csv/);
  assert.is(gone.rows[0].neighbours, null);
  assert.is(gone.rows[0].maps?.length, 3);
  renameSync(moved, LIST);
  renameSync(faces, moved);
  const without = await ask(run, [face.replace(faces, moved)], how);
  assert.match(without.said, /^no nearest faces: [^\n]*$/);
  renameSync(moved, faces);
  const never = await ask(expressionNetwork(), one, how);
  assert.match(never.said, /^no nearest faces: these weights came without a run/);
  assert.is(never.rows[0].maps?.[0].of, never.rows[0].expression);
});

test('what each classifier leans on adds up to it', async () => {
  const run = readRun(gcn);
  const found = await leaning(run);
  assert.equal(found?.nodes, nodesOf(run.args.classes));
  for (const row of found?.share ?? []) {
    assert.is(row.length, 9);
    assert.ok(Math.abs(row.reduce((a, b) => a + b) - 1) < 1e-9);
  }
  // Classes are not linked with each other.
  assert.ok(found?.share.slice(0, 7).every((row, i) => row.slice(0, 7).every((v, j) => i === j || v === 0)));
});

test('a picture without a face is a row without maps; a class that is not there is refused before anything is looked at', async () => {
  const empty = join(dir, 'empty.png');
  const sharp = (await import('sharp')).default;
  await sharp({ create: { width: 1, height: 1, channels: 3, background: '#405060' } })
    .png()
    .toFile(empty);
  const { rows } = await ask(expressionNetwork(), [empty]);
  assert.equal(
    rows.map(({ face, maps }) => [face, maps]),
    [[null, undefined]],
  );
  let message = '';
  await ask(expressionNetwork(), [empty], { target: 'Bored' }).catch((error) => {
    message = error.message;
  });
  assert.is(
    message,
    'target expects a class of the network: Neutral, Happy, Sad, Surprise, Fear, Disgust, Anger; found Bored',
  );
  assert.ok(existsSync(empty));
});

test.run();
