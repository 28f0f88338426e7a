// prepare, and training on Aff-Wild2, as processes of their own.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AFFECTNET_COLUMNS, loadEmbedding, parseAnnotationPickle, readAdjacency } from '../../src/data';
import { AFFWILD2_CLASSES, CLASSES, nodesOf } from '../../src/data/labels';
import { differences, golden } from '../data/goldens';
import { intNpy, level, listNpy, textNpy } from '../data/npy_file';
import { run } from './program';

const test = suite('prepare');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
const drawn = join(dir, 'drawn');
const SMALL = [
  '--emb',
  'random',
  '--epochs',
  '1',
  '--limit',
  '8',
  '--batch_size',
  '4',
  '--cache',
  'off',
  '--workers',
  '1',
];

const ran = async (...args: string[]) => {
  const ended = await run(args, { cwd: dir });
  assert.is(ended.code, 0, `${args.join(' ')}\n${ended.err}`);
  return ended;
};
const refused = async (args: string[], message: RegExp) => {
  const { code, err } = await run(args, { cwd: dir });
  assert.is(code, 2, err);
  assert.match(err, message);
};

test.before(async () => {
  await ran('synth', '--layout', 'affwild2', '--out', drawn, '--n', '56', '--validation', '28', '--size', '32');
});

test('affectnet: both CSV files to data.pkl', async () => {
  const points = Array.from({ length: 68 }, (_, i) => `${i < 42 ? 50 : 90};60`).join(';');
  const rows = (...expressions: number[]) =>
    [AFFECTNET_COLUMNS.join(','), ...expressions.map((e) => `a/${e}.jpg,1.5,2,90,90,${points},${e},0.5,-1`)].join('\n');
  mkdirSync(join(dir, 'csv'));
  writeFileSync(join(dir, 'csv/training.csv'), rows(0, 3, 7, 6));
  await refused(
    ['prepare', 'affectnet', '--csv_dir', 'csv'],
    /csv: expected a training and a validation set, found one; give --val_data/,
  );
  writeFileSync(join(dir, 'csv/validation.csv'), rows(1, 8));
  const { out, err } = await ran('prepare', 'affectnet', '--csv-dir', 'csv');
  assert.match(out, /train {2} .*\nval .*\n\nwritten to data.pkl: .*'train': 3, 'val': 1/);
  assert.match(err, /training.csv: 4 rows, 3 of the classes; dropped 1 with expression 7/);
  const options = { dataset: 'affectnet', classes: CLASSES } as const;
  const { train, val } = parseAnnotationPickle(readFileSync(join(dir, 'data.pkl')), 'data.pkl', options);
  assert.equal(
    train.samples.map((s) => s.expression),
    [0, 3, 6],
  );
  assert.equal(train.samples.at(0).pose, { leftEye: [50, 60], rightEye: [90, 60], box: [1.5, 2, 90, 90] });
  assert.is(val.samples.at(0).image, 'a/1.jpg');
  await refused(['prepare', 'affectnet'], /missing: --csv_dir DIR/);
  await refused(
    ['prepare', 'affectnet', '--csv_dir', 'nowhere'],
    /--csv_dir expects a folder, found nothing at nowhere/,
  );
  await refused(
    ['prepare', 'affectnet', '--csv_dir', 'csv', '--out', 'no/data.pkl'],
    /no\/data.pkl: cannot be written/,
  );
});

test('affectnet: the npy release and a folder a class to data.pkl, which leads to the same faces', async () => {
  const picture = await sharp({ create: { width: 90, height: 80, channels: 3, background: '#808080' } })
    .jpeg()
    .toBuffer();
  const put = (path: string, content: Uint8Array | string) => {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), content);
  };
  for (const [set, id] of ['train_set 1', 'train_set 2', 'val_set 1'].map((name) => name.split(' '))) {
    put(`npy/${set}/images/${id}.jpg`, picture);
    for (const [name, content] of Object.entries({ exp: textNpy(id), val: textNpy('-2'), lnd: listNpy(level(33)) }))
      put(`npy/${set}/annotations/${id}_${name}.npy`, content);
  }
  put('npy/train_set/images/3.jpg', 'no picture');
  put('npy/train_set/annotations/3_exp.npy', intNpy(1));
  put('npy/train_set/annotations/3_lnd.npy', listNpy(level()));
  await refused(
    ['prepare', 'affectnet', '--data', 'npy', '--csv_dir', 'csv'],
    /missing: --csv_dir DIR, or in its place --data PATH/,
  );
  const { out, err } = await ran('prepare', 'affectnet', '--data', 'npy', '--max_bad', '0.5', '--out', 'npy.pkl');
  assert.match(err, /left out: train_set: images\/3.jpg: not an image/);
  assert.match(out, /'train': 2, 'val': 1.*\npaths in it start from .*\/npy: the original's --image_dir/);
  const read = (file: string) =>
    parseAnnotationPickle(readFileSync(join(dir, file)), file, { dataset: 'affectnet', classes: CLASSES });
  const { train, val } = read('npy.pkl');
  assert.equal(
    train.samples.map(({ image, expression, valence, pose }) => [image, expression, valence, pose]),
    [1, 2].map((n) => [
      `train_set/images/${n}.jpg`,
      n,
      Number.NaN,
      { leftEye: [40, 33], rightEye: [80, 33], box: [0, 0, 90, 80] },
    ]),
  );
  assert.is(val.samples.at(0).image, 'val_set/images/1.jpg');
  for (const name of ['train/happy/1', 'train/sad/2', 'val/happy/3']) put(`classes/${name}.jpg`, picture);
  await ran('prepare', 'affectnet', '--data', 'classes', '--out', 'classes.pkl');
  const whole = read('classes.pkl').train.samples.at(1);
  assert.equal([whole.image, whole.expression], ['train/sad/2.jpg', 2]);
  assert.equal(whole.pose, { leftEye: [22, 40], rightEye: [67, 40], box: [0, 0, 90, 80] });
});

test("affwild2: the annotation tree to data_affwild2.pkl, and the original's own from the same tree", async () => {
  const { out } = await ran(
    'prepare',
    'affwild2',
    '--annotations_dir',
    'drawn/annotations',
    '--videos_dir',
    'drawn/videos/',
  );
  assert.match(out, /written to data_affwild2.pkl: .*'train': 56, 'val': 28/);
  const options = { dataset: 'affwild2', classes: AFFWILD2_CLASSES } as const;
  const { train } = parseAnnotationPickle(readFileSync(join(dir, 'data_affwild2.pkl')), 'data', options);
  assert.is(train.samples.at(0).image, 'drawn/videos/training_000/00001.jpg');
  const broken = join(dir, 'broken');
  cpSync(join(drawn, 'annotations'), broken, { recursive: true });
  writeFileSync(join(broken, 'VA_Set/Train_Set/training_001.txt'), 'valence,arousal\n0.1,0.2\n0.3;0.4\n');
  await refused(
    ['prepare', 'affwild2', '--annotations_dir', 'broken', '--videos_dir', 'drawn/videos'],
    /training_001.txt: line 3: expected two numbers valence,arousal, found "0.3;0.4"/,
  );
  writeFileSync(join(broken, 'VA_Set/Train_Set/training_001.txt'), 'valence,arousal\n0.1,0.2\n0.3,0.4\n');
  const cut = [
    'prepare',
    'affwild2',
    '--annotations_dir',
    'broken',
    '--videos_dir',
    'drawn/videos',
    '--out',
    'cut.pkl',
  ];
  await refused(
    cut,
    /of 56 rows and images cannot be used, more than 1 %.*\n.*label of frame 3, found 2 in .*--max_bad/s,
  );
  const { err } = await ran(...cut, '--max_bad', '0.5');
  assert.match(
    err,
    /left out: Train_Set\/training_001.txt line 4: training_001\/00003.jpg: expected a label of frame 3/,
  );
});

test('embeddings: GloVe to what torch.load reads, and to safetensors', async () => {
  const glove = join(process.cwd(), 'test/golden/data/glove_tiny.txt');
  const wanted = golden('test/golden/data/glove_embedding.safetensors').floats('emb');
  for (const out of ['emb.pkl', 'emb.pth', 'emb.pt', 'emb.safetensors']) {
    const ended = await ran('prepare', 'embeddings', '--glove', glove, '--out', out);
    assert.match(ended.out, /8 {4}Arousal {3}arousal .*written to emb.p?\w+: 9 x 300 float32/s);
    assert.is(differences(await loadEmbedding(join(dir, out)), wanted), 0, out);
  }
  const { out } = await ran('prepare', 'embeddings', '--glove', glove, '--dataset', 'affwild2', '--show');
  assert.match(out, /4 {4}Happiness {2}happiness /);
  assert.is(
    out
      .split('\n')
      .find((line) => line.startsWith('0 '))!
      .trim()
      .split(/\s+/).length,
    304,
  );
  await refused(
    ['prepare', 'embeddings', '--glove', glove, '--out', 'emb.npy'],
    /--out expects a file that ends in .pkl/,
  );
  await refused(['prepare', 'embeddings', '--glove', glove, '--num_classes', '8'], /not found in 20 lines: contempt/);
});

test('adjacency: every step on request; what is written is what training makes', async () => {
  const from = ['prepare', 'adjacency', '--dataset', 'affwild2', '--data', 'data_affwild2.pkl'];
  const { out } = await ran(...from);
  assert.match(
    out,
    /read: data_affwild2.pkl \(train\): 56 rows.*\ncolumns: Neutral, Anger.*1. rho: .*6. adj = .*written to adj.pkl/s,
  );
  const shown = await ran(...from, '--show', '--out', 'adj.safetensors');
  assert.is(shown.out.match(/^Happiness +[-0]/gm)?.length, 6);
  const nodes = nodesOf(AFFWILD2_CLASSES);
  const [pickled, saved] = [
    await readAdjacency(join(dir, 'adj.pkl'), nodes),
    await readAdjacency(join(dir, 'adj.safetensors'), nodes),
  ];
  assert.is(differences(pickled.A, saved.A), 0);
  await ran(...from.with(5, 'drawn/annotations'), '--image_dir', 'drawn/videos', '--out', 'again.pkl');
  assert.equal(readFileSync(join(dir, 'again.pkl')), readFileSync(join(dir, 'adj.pkl')));
  await refused(from.with(3, 'affectnet'), /expected AffectNet_annotation, .* give --dataset affwild2/);
});

test("the original's files where the original looks for them are taken, and said to be", async () => {
  const here = mkdtempSync(join(dir, 'here'));
  mkdirSync(join(here, 'affectnet'));
  for (const [from, to] of [
    ['affectnet_faces8.pkl', 'data.pkl'],
    ['adj_pandas15.pkl', 'adj.pkl'],
    ['emb_zip.pkl', 'emb.pkl'],
  ]) {
    cpSync(`test/golden/pickles/${from}`, join(here, to));
  }
  const { code, err } = await run(['train', '--saved_model', 'run', '--gpu', '0'], { cwd: here });
  assert.is(code, 2);
  assert.match(
    err,
    /^no --image_dir: affectnet, which is here.*no --data: data.pkl.*no --adj: adj.pkl.*no --emb: emb.pkl/s,
  );
  assert.match(
    err,
    /data.pkl \(train\): 8 rows, 8 of the classes.*cannot be used.*data.pkl val\[\d\]: \S+: no such file/s,
  );
  // Word vectors also where the data are named, if the model needs some.
  const named = ['train', '--image_dir', 'affectnet', '--data', 'none.pkl', '--saved_model', 'run'];
  const vectors = await run(named, { cwd: here });
  assert.match(vectors.err, /^no --emb: emb.pkl, which is here, is taken\nerror: --data expects a file/);
  const without = await run([...named, '--model', 'multi_task'], { cwd: here });
  assert.match(without.err, /^error: --data expects a file/);
});

test('prepare alone shows its commands; a wrong one is named', async () => {
  await refused(['prepare'], /adjacency .*the label graph/);
  await refused(['prepare', 'adj'], /unknown command 'adj'.*; see emotion-gcn prepare --help/);
  await refused(
    ['prepare', 'adjacency', '--dat', 'x'],
    /unknown option '--dat'.*; see emotion-gcn prepare adjacency --help/,
  );
  await refused(['prepare', 'adjacency', '--data', '--show'], /--data expects a value, found the flag --show/);
});

for (const network of ['bregnext', 'densenet'] as const) {
  test(`affwild2, emotion_gcn on ${network}: an epoch from the folder, evaluated video by video`, async () => {
    const to = join(dir, network);
    const size = network === 'bregnext' ? '16' : '93';
    await ran(
      'train',
      '--dataset',
      'affwild2',
      '--data',
      'drawn/annotations',
      '--image_dir',
      'drawn/videos',
      '--network',
      network,
      '--image_size',
      size,
      '--saved_model',
      to,
      ...SMALL,
    );
    const args = JSON.parse(readFileSync(join(to, 'args.json'), 'utf8'));
    assert.equal([args.classes, args.class_weights], [[...AFFWILD2_CLASSES], 'none']);
    if (network === 'densenet') return;
    const { out } = await ran(
      'evaluate',
      '--saved_model',
      to,
      '--data',
      'data_affwild2.pkl',
      '--image_dir',
      '.',
      '--format',
      'json',
      '--cache',
      'off',
    );
    const { videos, samples } = JSON.parse(out);
    assert.equal(Object.keys(videos), ['validation_000', 'validation_001']);
    assert.is(samples, videos.validation_000.samples + videos.validation_001.samples);
  });
}

for (const model of ['single_task', 'multi_task'] as const) {
  test(`affwild2, ${model} on denselite from the pickle, with the graph's files given and balanced sampling`, async () => {
    await ran(
      'train',
      '--dataset',
      'affwild2',
      '--data',
      'data_affwild2.pkl',
      '--image_dir',
      'drawn',
      '--network',
      'denselite',
      '--model',
      model,
      '--image_size',
      '32',
      '--sampler',
      'balanced',
      '--class_weights',
      'balanced',
      '--saved_model',
      join(dir, model),
      ...SMALL,
    );
  });
}

test('eight classes of AffectNet: contempt has an output, a row and a node', async () => {
  await ran('synth', '--out', 'faces', '--n', '48', '--validation', '16', '--size', '32');
  for (const part of ['training', 'validation']) {
    const [header, ...rows] = readFileSync(join(dir, `faces/${part}.csv`), 'utf8')
      .trimEnd()
      .split('\n');
    const eighth = rows.map((row, i) => (i % 8 === 7 ? row.replace(/,\d,([^,]*),([^,]*)$/, ',7,$1,-0.9') : row));
    writeFileSync(join(dir, `faces/${part}.csv`), [header, ...eighth].join('\n'));
  }
  const to = join(dir, 'eight');
  await ran(
    'train',
    '--num_classes',
    '8',
    '--data',
    'faces/training.csv',
    '--val_data',
    'faces/validation.csv',
    '--image_dir',
    'faces',
    '--network',
    'denselite',
    '--image_size',
    '32',
    '--saved_model',
    to,
    ...SMALL,
  );
  const { classes, confusion } = JSON.parse(readFileSync(join(to, 'metrics.json'), 'utf8'));
  assert.is(classes[7], 'Contempt');
  assert.is(
    confusion[7].reduce((a: number, b: number) => a + b),
    2,
  );
  await ran(
    'evaluate',
    '--saved_model',
    to,
    '--data',
    'faces/validation.csv',
    '--image_dir',
    'faces',
    '--cache',
    'off',
  );
});

test.after(() => rmSync(dir, { recursive: true, force: true }));
test.run();
