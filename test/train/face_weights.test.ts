// Weights of faces given by hand: TensorFlow.js's files, from wherever they come.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { buildModel } from '../../src/models';
import { takePretrained } from '../../src/train/loop/start';
import { faceWeights, hashOfFaceWeights } from '../../src/train/run/face_weights';
import { release } from '../goldens/network';
import { device } from '../gpu';

const test = suite('face weights by hand');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-face-weights-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const PACKAGE = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model');
const manifest = (name: string): string => join(PACKAGE, `${name}-weights_manifest.json`);

/** A graph's json with its .bin beside it: two tensors of MobileNet's first layer. */
function graph(name: string, kernel: number, edit: (json: { weightsManifest: unknown[] }) => unknown = (json) => json) {
  const weights = [
    { name: 'conv1/convolution/merged_input', shape: [3, 3, 3, 32], dtype: 'float32' },
    { name: 'conv1_bn/batchnorm_1/sub', shape: [32], dtype: 'float32' },
  ];
  const file = join(dir, `${name}.json`);
  const json = { format: 'graph-model', weightsManifest: [{ weights, paths: [`${name}.bin`] }] };
  writeFileSync(file, JSON.stringify(edit(json)));
  writeFileSync(join(dir, `${name}.bin`), Buffer.from(new Float32Array(27 * 32 + 32).fill(kernel).buffer));
  return file;
}

test("face-api's manifest is what --pretrained faces is for denselite, and has its hash", () => {
  const file = manifest('face_expression_model');
  assert.equal(faceWeights(file, 'denselite').state, faceWeights('faces', 'denselite').state);
  assert.is(hashOfFaceWeights(file, 'denselite'), hashOfFaceWeights('faces', 'denselite'));
  const marks = hashOfFaceWeights(manifest('face_landmark_68_model'), 'denselite');
  assert.is.not(marks, hashOfFaceWeights('faces', 'denselite'));
});

test('the hash is of the numbers, which lie beside the json', () => {
  assert.is.not(hashOfFaceWeights(graph('a', 1), 'mobilenet'), hashOfFaceWeights(graph('b', 2), 'mobilenet'));
});

test("a graph's json: what it has is taken, the rest is named; another network has no place for it", async () => {
  const file = graph('part', 0.5);
  const said: string[] = [];
  const [mobilenet, denselite] = (['mobilenet', 'denselite'] as const).map((network) =>
    buildModel(device, { model: 'single_task', network, imageSize: 32 }),
  );
  await takePretrained(file, 'mobilenet', mobilenet, (line) => said.push(line));
  assert.equal(said.slice(0, 2), [
    `${file}: weights of HSE_FaceRec_tf's MobileNet`,
    `${file}: 2 of the model's 56 tensors taken`,
  ]);
  assert.match(said[2], 'not in the file, left as initialised: features.conv_dw_1.weight');
  assert.ok((await mobilenet.stateDict()).get('features.conv1.weight')!.data.every((v) => v === 0.5));
  const wrong = await takePretrained(file, 'denselite', denselite, () => {}).catch((e) => e);
  assert.instance(wrong, InputError);
  assert.match(wrong.message, `${file}: no tensor fits: expected names as features.dense0.conv0.weight`);
  for (const model of [mobilenet, denselite]) release(device, model);
});

test('files that do not do: which, why', () => {
  const refused = (file: string, words: string): void =>
    assert.throws(
      () => faceWeights(file, 'mobilenet'),
      (e: Error) => e instanceof InputError && e.message.startsWith(file) && e.message.includes(words),
      words,
    );
  refused(graph('nan', Number.NaN), 'conv1.weight: expected finite float32 numbers, found NaN at [0, 0, 0, 0]');
  refused(
    manifest('tiny_face_detector_model'),
    "expected the tensors of face-api's expression or landmark network, or of faceres or faceres-deep, found conv0/filters, conv0/bias",
  );
  refused(
    graph('none', 1, () => ({ weightsManifest: [] })),
    'found none',
  );
  refused(
    graph('other', 1, () => ({ args: 1 })),
    'expected a list of groups {weights, paths}',
  );
  writeFileSync(join(dir, 'text.json'), 'no json');
  refused(join(dir, 'text.json'), 'expected a list of groups {weights, paths}');
  const short = graph('short', 1);
  writeFileSync(join(dir, 'short.bin'), readFileSync(join(dir, 'short.bin')).subarray(1));
  refused(short, 'conv1_bn/batchnorm_1/sub');

  copyFileSync(graph('full', 1), join(dir, 'alone.json'));
  rmSync(join(dir, 'full.bin'));
  const alone = (e: Error) =>
    e instanceof InputError && e.message.startsWith(join(dir, 'full.bin: no such file; check the path'));
  assert.throws(() => faceWeights(join(dir, 'alone.json'), 'mobilenet'), alone);
});

test.run();
