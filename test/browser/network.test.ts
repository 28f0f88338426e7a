// Networks out of the bytes of files, as a page loads them; on Node, whose numbers are the page's.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES } from '../../src/base/emotions';
import { InputError } from '../../src/base/errors';
import { FaceNetwork, type FaceNetworkArgs, loadNetwork, type NetworkFiles } from '../../src/browser';
import { encodeEmbedding, nodesOf, prepareWhole, randomEmbedding, toTensor } from '../../src/data';
import { writeSafetensors } from '../../src/formats/safetensors';
import { buildModel, inputOf } from '../../src/models';
import { device } from '../gpu';

const test = suite('networks of a page');

const args: FaceNetworkArgs = {
  model: 'multi_task',
  network: 'denselite',
  image_size: 32,
  classes: ['calm', 'bored', 'glad'],
};
const model = buildModel(device, { ...args, imageSize: 32, classes: 3 })
  .initialise(2)
  .eval();
const weights = writeSafetensors(await model.stateDict());
const picture = { width: 50, height: 40, data: Uint8Array.from({ length: 6000 }, (_, i) => (i * 37) % 256) };

test('it says what the model says of the square, as probabilities by name', async () => {
  const network = await loadNetwork(device, { args, weights });
  const square = prepareWhole(picture, 32);
  assert.equal(network.crop(picture), square);
  assert.equal(await network.input([square]).data(), toTensor(square.data, inputOf('denselite')));
  const [said, again] = await network.predict([square, square]);
  const { logits, va } = model.forward(network.input([square]));
  const scores = await logits.data();
  const shares = scores.map((s) => Math.exp(s - Math.max(...scores)));
  const sum = shares.reduce((a, b) => a + b);
  assert.equal(Object.keys(said.probabilities), args.classes);
  for (const [i, p] of Object.values(said.probabilities).entries()) assert.ok(Math.abs(p - shares[i] / sum) < 1e-5);
  assert.is(said.expression, args.classes[scores.indexOf(Math.max(...scores))]);
  const [valence, arousal] = (await va?.data()) ?? [];
  assert.ok(Math.abs(Number(said.valence) - valence) < 1e-5 && Math.abs(Number(said.arousal) - arousal) < 1e-5);
  assert.equal(again, said);
  assert.equal(await network.predict([]), []);
});

test('what it saves tells of itself; a model in training stays there', async () => {
  model.train();
  const saved = await new FaceNetwork(model, args).save();
  const network = await loadNetwork(device, { weights: saved });
  assert.equal([network.classes, network.imageSize], [args.classes, 32]);
  await new FaceNetwork(model, args).predict([prepareWhole(picture, 32)]);
  assert.is(model.training, true);
});

test('emotion_gcn comes with its word vectors', async () => {
  const of = { model: 'emotion_gcn', network: 'bregnext', image_size: 16, classes: [...CLASSES] } as const;
  const A = Float32Array.from({ length: 81 }, (_, i) => Number(i % 10 === 0));
  const gcn = buildModel(device, { ...of, imageSize: 16, classes: 7, A })
    .initialise(1)
    .eval();
  const file = writeSafetensors(await gcn.stateDict());
  const embedding = encodeEmbedding(randomEmbedding(nodesOf(CLASSES)), nodesOf(CLASSES));
  const network = await loadNetwork(device, { weights: file, args: of, embedding });
  const [{ valence }] = await network.predict([network.crop(picture)]);
  assert.type(valence, 'number');
  await refused({ weights: file, args: of }, /^missing: embedding/);
  const other = encodeEmbedding(randomEmbedding(nodesOf(['calm', 'bored'])), nodesOf(['calm', 'bored']));
  await refused({ weights: file, args: of, embedding: other }, /expected emb of 9 x 300 numbers, found emb 4 x 300/);
});

async function refused(files: NetworkFiles, words: RegExp): Promise<void> {
  const error = await loadNetwork(device, files).then(
    () => assert.unreachable('it was loaded'),
    (error) => error,
  );
  assert.instance(error, InputError);
  assert.match(error.message, words);
}

test('what is missing, damaged or of another network is said', async () => {
  await refused({ weights }, /expected the names of its 3 classes as args.classes, found none; give the args.json/);
  await refused(
    { weights, args: { classes: ['a', 'b'] } },
    /expected the names of its 3 classes as args.classes, found a,b/,
  );
  await refused({ weights, args: { classes: args.classes } }, /as args.image_size, found none/);
  await refused(
    { weights, args: { ...args, network: 'bregnext' } },
    /expected args of multi_task on denselite, found network bregnext/,
  );
  await refused({ weights: weights.subarray(0, 1000), args }, /^weights: byte \d+/);
  await refused({ weights: new TextEncoder().encode('<!doctype html><title>404</title>'), args }, /this is a web page/);
  const other = writeSafetensors({ w: { shape: [1], data: Float32Array.of(1) } });
  await refused({ weights: other, args }, /expected those of one of our networks, found w/);
  const network = new FaceNetwork(model, args);
  await network.predict([picture]).then(
    () => assert.unreachable(),
    (error) => assert.match(error.message, /expected pictures of 32 x 32 pixels, as crop gives them, found 50 x 40/),
  );
});

test.run();
