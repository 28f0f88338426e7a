// The engine in Chromium, in a page and in a Web Worker, on a device with WebGPU's default limits: goldens, networks, training, pictures,
// a lost device. In short; whole with `npm run test:browser`.
import { existsSync, readdirSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CLASSES } from '../../src/base/emotions';
import { FaceNetwork } from '../../src/browser';
import { readFaceApiWeights } from '../../src/data/face_weights';
import { FaceFinder } from '../../src/faces/finder';
import { buildModel } from '../../src/models';
import { expressionState } from '../../src/models/face_api';
import { golden } from '../faces/goldens';
import { given } from '../given';
import { longestTask } from '../page/tasks';
import type { Tasks } from './in_page';
import { openPages, type Pages } from './pages';
import { trainingLosses } from './training';

const test = suite('engine in Chromium');
const WHOLE = process.env.WHOLE === '1';
const opened = await openPages();
const inChromium = given(test, opened !== null, 'Chromium');
const pages = opened as Pages;
test.after(() => opened?.close());
// The whole takes long: where it is, file by file.
if (WHOLE) opened?.page.on('console', (message) => console.error(message.text()));

const filesOf = (folder: string): string[] => readdirSync(`test/golden/${folder}`).map((file) => `${folder}/${file}`);
const named = (folder: string, names: readonly string[]): string[] =>
  names.map((name) => `${folder}/${name}.safetensors`);

/** A kernel of each family; in short the ones that compile soonest. */
const OPS = WHOLE
  ? ['ops', 'extra'].flatMap(filesOf)
  : named('ops', ['conv2d_5x5', 'batchnorm_train_6_2x3x4x5', 'maxpool_plain_k3_1x3x8x8', 'sgd_steps']);
const MODULES = WHOLE ? filesOf('modules') : named('modules', ['module_breg_layer']);
/** Every network, every model on one of them. */
const NETWORKS = named('models', [
  'single_task_denselite_112',
  ...(WHOLE
    ? [
        ...['multi_task_denselite_112', 'emotion_gcn_denselite_112', 'emotion_gcn_mobilenet_112'],
        ...['emotion_gcn_densenet_112', 'emotion_gcn_bregnext_32'],
      ]
    : []),
]);
const STEPS = WHOLE ? 20 : 5;

test('the files that it is tried with are there', () => {
  for (const file of [...OPS, ...MODULES, ...NETWORKS]) assert.ok(existsSync(`test/golden/${file}`), file);
});

inChromium('ops and modules give their goldens', async () => {
  assert.equal(await pages.inPage('goldens', [...OPS, ...MODULES]), []);
});

inChromium('networks give their logits', async () => {
  assert.equal(await pages.inWorker('goldens', NETWORKS), []);
});

/** Numbers of the same network on another adapter. */
const near = (found: readonly number[], wanted: readonly number[], most: number): void => {
  assert.is(found.length, wanted.length);
  for (const [i, v] of wanted.entries())
    assert.ok(Math.abs(found[i] - v) <= most, `${i}: found ${found[i]}, wanted ${v}`);
};

inChromium('training steps, loss for loss as on Node', async () => {
  const { device } = await import('../gpu');
  const wanted = await trainingLosses(device, STEPS);
  assert.ok((wanted.at(-1) as number) < wanted[0], String(wanted));
  // float32 on two adapters: as the trajectories', 3e-6 and what steps make of it.
  near(await pages.inWorker('train', STEPS), wanted, 3e-5);
});

inChromium(
  'a face is found and its expression told as on Node; what was loaded makes no pipeline any more',
  async () => {
    const { device } = await import('../gpu');
    const picture = golden('photo_009').picture('pixels');
    const finder = new FaceFinder(device, {
      detector: readFaceApiWeights('tiny_face_detector_model'),
      landmarks: readFaceApiWeights('face_landmark_68_model'),
    });
    const args = { model: 'single_task', network: 'denselite', image_size: 112, classes: CLASSES } as const;
    const model = buildModel(device, { ...args, imageSize: 112, classes: CLASSES.length });
    model.loadStateDict(expressionState(readFaceApiWeights('face_expression_model')));
    const network = new FaceNetwork(model.eval(), args);
    const faces = await finder.find(picture);
    const [wanted] = await network.predict(faces.map((face) => network.crop(picture, face)));

    let found!: Awaited<ReturnType<Tasks['predict']>>;
    const longest = await longestTask(pages.page.context().browser()!, pages.page, 50, async () => {
      found = await pages.inWorker('predict', 'faces/photo_009.safetensors');
    });
    assert.ok(longest <= 50, `a task of ${longest} ms in the page while a worker loaded networks`);
    assert.is(found.faces.length, 1);
    assert.is(found.made, 0);
    // Boxes and landmarks to a hundredth of a pixel, as the goldens'.
    near(
      found.faces[0],
      faces.flatMap(({ box, landmarks }) => [...box, ...landmarks]),
      0.01,
    );
    assert.is(found.said[0].expression, wanted.expression);
    // A crop may differ in a few bytes where a landmark's last bits decide how it is turned.
    near(Object.values(found.said[0].probabilities), Object.values(wanted.probabilities), 1e-3);
    assert.equal(found.again, found.said[0]);
    assert.ok(found.bytes > 3e5 && found.bytes < 2e6, `${found.bytes} bytes`);
  },
);

inChromium('pictures of a page are its pixels, in a worker too; very large ones are made smaller', async () => {
  for (const found of [await pages.inPage('pictures', 4100), await pages.inWorker('pictures', 100)]) {
    assert.is(found.same, true);
    assert.equal(found.first, [200, 150, 100]);
    assert.ok(found.large[0] === 4096 || found.large[0] === 100, String(found.large));
    assert.match(String(found.damaged), /^ImageError: the browser cannot decode this picture/);
  }
});

inChromium('a lost device says so, and another does the same work', async () => {
  const { before, lost, refused, after } = await pages.inPage('loseDevice');
  assert.match(lost, /^DeviceLost: the GPU was lost \(.*\): open the device anew/);
  assert.is(refused, 'DeviceLost');
  assert.is(before.length, 3);
  assert.ok(before[2] < before[0]);
  assert.equal(after, before);
});

inChromium('a page without WebGPU, or not of a secure context, is told so', async () => {
  const { page, url } = pages;
  const other = await page.context().newPage();
  // A name that stands for this machine, as in a network at home: no secure context, and no WebGPU in it.
  await other.goto(url.replace('127.0.0.1', 'home.test'));
  await other.waitForFunction('globalThis.tasks');
  assert.is(await other.evaluate('isSecureContext'), false);
  assert.match(
    await other.evaluate('tasks.openDevice()'),
    /^MachineError: a page has WebGPU only over https or on localhost/,
  );
  await other.goto(url);
  await other.waitForFunction('globalThis.tasks');
  await other.evaluate(() => Object.defineProperty(navigator, 'gpu', { value: undefined }));
  assert.match(await other.evaluate('tasks.openDevice()'), /^MachineError: this browser has no WebGPU/);
  await other.close();
});

test.run();
