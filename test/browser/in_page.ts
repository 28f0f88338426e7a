// What the tests have a browser do, by name, with arguments and results that can be copied: a page and a Web Worker load it alike.
import * as E from '../../src/browser';
import { Fixture } from '../goldens/fixture';
import { compareOutputs } from '../goldens/models';
import { filledModel, inputTensor, release } from '../goldens/network';
import { judge, line, passed, type Verdict } from '../goldens/run';
import { trainingLosses } from './training';

async function fetched(url: string): Promise<Uint8Array> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

const golden = async (file: string): Promise<Fixture> => Fixture.parse(file, await fetched(`golden/${file}`));

/** A place of a kernel's text, and what stands there instead. */
export type Wrong = readonly [from: string, to: string];

/** A device that has no more than WebGPU promises everywhere: its default limits, and no feature besides. @param wrong of its kernels */
async function leastDevice(wrong?: Wrong): Promise<E.Device> {
  const request = async () => (await navigator.gpu.requestAdapter()) as GPUAdapter;
  const { limits } = await (await request()).requestDevice();
  const adapter = await request();
  return E.Device.create({
    limits,
    features: new Set(),
    info: adapter.info,
    requestDevice: async (descriptor: GPUDeviceDescriptor) => {
      const gpu = await adapter.requestDevice(descriptor);
      const made = gpu.createShaderModule.bind(gpu);
      if (wrong) gpu.createShaderModule = (shader) => made({ ...shader, code: shader.code.replaceAll(...wrong) });
      return gpu;
    },
  } as unknown as GPUAdapter);
}

/** The logits of a network in evaluation, and nothing else of its file. */
async function logits(device: E.Device, fixture: Fixture): Promise<Verdict> {
  const model = filledModel(device, fixture).eval();
  const { data, shape } = fixture.hashed(fixture.needed('input'));
  const x = E.tensor(device, data, shape);
  const emb = fixture.has('emb') ? inputTensor(device, fixture, 'emb') : undefined;
  const out = E.step(device, () => E.noGrad(() => model.forward(x, emb)));
  const checks = compareOutputs(fixture, 'eval', { logits: await out.logits.data(), va: await out.va?.data() });
  release(device, model);
  return { name: fixture.name, checks };
}

/** Bytes of a page's canvas, which all browsers draw alike: a face of sorts, in even colours. */
function drawing(side: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(side, side);
  const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
  context.fillStyle = 'rgb(200, 150, 100)';
  context.fillRect(0, 0, side, side);
  context.fillStyle = 'rgb(20, 30, 40)';
  context.fillRect(side / 4, side / 4, side / 8, side / 8);
  return canvas;
}

const faceWeights = async () => {
  const [detector, landmarks, expression] = await Promise.all(
    ['tiny_face_detector', 'face_landmark_68', 'face_expression'].map((name) =>
      E.fetchFaceWeights(`model/${name}_model-weights_manifest.json`),
    ),
  );
  return { detector, landmarks, expression };
};

const tasks = {
  /** Compares golden files; of models their logits alone. Gives the lines of those that failed. */
  async goldens(files: readonly string[], wrong?: Wrong) {
    const device = await leastDevice(wrong);
    const failed: string[] = [];
    for (const file of files) {
      const start = performance.now();
      const fixture = await golden(file);
      const { op } = fixture;
      const verdict = await (op === 'model' ? logits(device, fixture) : judge(fixture, { device }));
      if (verdict.checks.length === 0) failed.push(`${file} holds nothing to compare`);
      else if (!passed(verdict)) failed.push(line(verdict));
      console.info(
        `${file} ${passed(verdict) ? 'passed' : 'FAILED'} ${((performance.now() - start) / 1000).toFixed(1)} s`,
      );
    }
    device.destroy();
    return failed;
  },

  /** Finds the face of a photograph and says what it shows; what was made meanwhile, once all was ready; and what a saved network says. */
  async predict(file: string) {
    const device = await E.openDevice();
    const weights = await faceWeights();
    const finder = new E.FaceFinder(device, weights);
    const [network] = await Promise.all([E.loadNetwork(device, { weights: weights.expression }), finder.prepare()]);
    const fixture = await golden(file);
    const { shape, data } = fixture.take('pixels');
    const picture = { width: shape[1], height: shape[0], data: data as Uint8Array };
    const { pipelines } = device.stats();
    const faces = await finder.find(picture);
    const crops = faces.map((face) => network.crop(picture, face));
    const said = await network.predict(crops);
    const made = device.stats().pipelines - pipelines;
    const saved = await network.save();
    const [again] = await (await E.loadNetwork(device, { weights: saved })).predict(crops);
    device.destroy();
    return { faces: faces.map(({ box, landmarks }) => [...box, ...landmarks]), said, again, made, bytes: saved.length };
  },

  /** Pictures as a page has them: the same pixels, whatever they come as. */
  async pictures(side: number) {
    const canvas = drawing(32);
    const png = await canvas.convertToBlob();
    const wanted = E.rgbOf((canvas.getContext('2d') as OffscreenCanvasRenderingContext2D).getImageData(0, 0, 32, 32));
    const found = await E.pictureOf(png);
    const large = await E.pictureOf(drawing(side));
    const damaged = await E.pictureOf(new Blob(['no picture'])).catch((error) => `${error.name}: ${error.message}`);
    return {
      same: found.data.join() === wanted.data.join() && found.width === 32,
      first: [...found.data.slice(0, 3)],
      large: [large.width, large.height],
      damaged,
    };
  },

  /** A small network learns; the device is lost on the way; another learns the same. */
  async loseDevice() {
    const learn = async (device: E.Device, steps: number) => {
      const x = E.tensor(device, [0, 0, 0, 1, 1, 0, 1, 1], [4, 2]);
      const y = E.tensor(device, [0, 1, 1, 0], [4, 1]);
      const net = new E.Linear(device, 2, 1).initialise(1);
      const optimizer = new E.SGD(net.parameters(), { lr: 0.1 });
      const losses: number[] = [];
      for (let s = 0; s < steps; s++)
        losses.push(
          await E.step(device, () => {
            optimizer.zeroGrad();
            const loss = E.mse(net.forward(x), y);
            E.backward(loss);
            optimizer.step();
            return loss;
          }).item(),
        );
      return losses;
    };
    const first = await E.openDevice();
    const before = await learn(first, 3);
    const told = first.lost.then((error) => `${error.name}: ${error.message}`);
    first.gpu.destroy(); // as if the browser had taken it away
    const lost = await told;
    const refused = await learn(first, 1).then(String, (error) => error.name);
    const second = await E.openDevice();
    const after = await learn(second, 3);
    second.destroy();
    return { before, lost, refused, after };
  },

  /** What opening a device says where it cannot be. */
  openDevice: () => E.openDevice().then(String, (error) => `${error.name}: ${error.message}`),

  /** The losses of a small network's first steps. */
  async train(steps: number) {
    const device = await leastDevice();
    const losses = await trainingLosses(device, steps);
    device.destroy();
    return losses;
  },
};

export type Tasks = typeof tasks;
Object.assign(globalThis, { tasks });

if (typeof window === 'undefined')
  addEventListener('message', async ({ data: [name, ...args] }: MessageEvent<[keyof Tasks, ...unknown[]]>) => {
    const task = tasks[name] as (...args: unknown[]) => Promise<unknown>;
    postMessage(
      await task(...args).then(
        (result) => ({ result }),
        (error) => ({ error: String(error?.stack ?? error) }),
      ),
    );
  });
