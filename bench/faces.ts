// npm run bench -- faces [--json] [--gpu ID] [--repeat N]: faces a second from a decoded picture to an expression, beside TensorFlow.js on
// its WebAssembly backend with the same passes, weights and pictures, in turn. What both find must be the same first.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { add, empty, logSoftmax, matmul, noGrad, step, tensor } from '../src/autograd';
import { resizeBilinear } from '../src/base/pixels/resize';
import type { RgbImage } from '../src/base/pixels/rgb_image';
import { prepareKnown } from '../src/data';
import { readFaceApiWeights } from '../src/data/face_weights';
import { openFaceFinder } from '../src/data/found_face';
import type { Device } from '../src/device';
import { asKnownFace } from '../src/faces/geometry';
import { FaceLandmarks } from '../src/faces/landmarks';
import { readSafetensors } from '../src/formats/safetensors';
import { DenseLiteFeatures, denseLiteState } from '../src/models/denselite';
import { inTurn } from './peers/compare';
import { FACE_PEERS, peersFolder, versionOf } from './peers/install';
import { Peer } from './peers/peer';
import { sampled } from './peers/serve.mjs';

const { MEAN, SIZE } = FaceLandmarks;

/** Where the two photographs are pasted on a canvas: which, left, top, side. */
const PASTED = [
  [0, 40, 60, 280],
  [1, 360, 40, 220],
  [0, 620, 80, 160],
  [1, 820, 60, 120],
  [0, 980, 70, 90],
  [1, 1110, 90, 70],
  [1, 80, 430, 200],
  [0, 340, 440, 140],
  [1, 560, 450, 100],
  [0, 760, 460, 75],
] as const;

/** Two photographs of faces that fill them, and a picture of 1280 x 720 with ten. */
export function pictures(): RgbImage[] {
  const photographs = ['photo_000', 'photo_009'].map((name) => {
    const { shape, data } = readSafetensors(readFileSync(`test/golden/faces/${name}.safetensors`), name).tensors.get(
      'pixels',
    )!;
    const [height, width, channels] = shape;
    const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) => Number(data[Math.floor((i * channels) / 3)]));
    return { width, height, data: rgb };
  });
  const canvas = { width: 1280, height: 720, data: new Uint8Array(1280 * 720 * 3).fill(96) };
  for (const [of, left, top, side] of PASTED) {
    const { data } = resizeBilinear(photographs[of], side, side);
    for (let y = 0; y < side; y++)
      canvas.data.set(data.subarray(y * side * 3, (y + 1) * side * 3), ((top + y) * canvas.width + left) * 3);
  }
  return [...photographs, canvas];
}

/** Boxes (with scores), landmarks and seven probabilities of the faces of a picture, one after the other. */
type Faces = readonly [boxes: number[], points: number[], probabilities: number[]];

/** face-api's detector, landmarks and expressions on our engine. */
export function ourFaces(device: Device): (picture: RgbImage) => Promise<Faces> {
  const finder = openFaceFinder(device);
  const weights = readFaceApiWeights('face_expression_model');
  const features = new DenseLiteFeatures(device);
  features.loadStateDict(denseLiteState(weights));
  features.freeze();
  const kernel = tensor(device, Float32Array.from(weights.get('fc/weights')!.data), [256, 7]);
  const bias = tensor(device, Float32Array.from(weights.get('fc/bias')!.data), [7]);
  return async (picture) => {
    const faces = await finder.find(picture);
    const input = new Float32Array(faces.length * SIZE * SIZE * 3);
    for (const [i, { landmarks: points }] of faces.entries()) {
      const { data } = prepareKnown(picture, asKnownFace({ landmarks: points }), SIZE, 'open');
      for (let k = 0; k < data.length; k++) input[i * data.length + k] = (data[k] - MEAN[k % 3]) / 255;
    }
    const probabilities = await step(device, () =>
      noGrad(() => {
        const x = empty(device, [faces.length, 3, SIZE, SIZE]);
        device.upload(x.storage, input);
        return logSoftmax(add(matmul(features.forward(x), kernel), bias)).data();
      }),
    );
    return [
      faces.flatMap(({ box, score }) => [...box, score]),
      faces.flatMap(({ landmarks: points }) => [...points]),
      Array.from(probabilities, Math.exp),
    ];
  };
}

const WHAT = ['boxes', 'landmarks', 'probabilities'] as const;
/** Pixels; the peer levels a face by another interpolation, and does not smooth as it shrinks. */
const TOLERANCE = { boxes: 0.01, landmarks: 0.01, probabilities: 0.1 } as const;

/** @throws Error when the peer's last result is not ours */
async function checkSame(ours: readonly Faces[], peer: Peer): Promise<void> {
  const theirs = await peer.samples();
  for (const [p, faces] of ours.entries())
    for (const [w, what] of WHAT.entries())
      for (const [s, i] of sampled(faces[w].length).entries()) {
        const [own, other] = [faces[w][i], theirs[p * WHAT.length + w][s]];
        if (!(Math.abs(own - other) <= TOLERANCE[what]))
          throw new Error(`its result is not ours: ${what} of picture ${p + 1}, number ${i}: ${other}, ours ${own}`);
      }
}

/** Prints faces a second of ours and of the peer's. A peer that cannot run is said to be left out. */
export async function compareFaces(
  device: Device,
  { json, repeat }: { readonly json: boolean; readonly repeat: number },
) {
  const list = pictures();
  const facesOf = ourFaces(device);
  const all = async (): Promise<Faces[]> => {
    const found: Faces[] = [];
    for (const picture of list) found.push(await facesOf(picture));
    return found;
  };
  const ours = await all();
  const run = async (times: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < times; i++) await all();
    return performance.now() - start;
  };
  await run(1);
  const count = ours.reduce((sum, [boxes]) => sum + boxes.length / 5, 0);
  const adapter = device.info.description || device.info.device;
  const name = `tfjs-wasm ${versionOf('@tensorflow/tfjs-backend-wasm')}`;
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-faces-'));
  let peer: Peer | null = null;
  try {
    const files = list.map(({ width, height, data }, i) => {
      const file = join(dir, `${i}.rgb`);
      writeFileSync(file, data);
      return { file, width, height };
    });
    peer = new Peer(name, process.execPath, ['bench/peers/tfjs_faces.mjs', peersFolder(FACE_PEERS)]);
    const folder = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/package.json')), 'model');
    await peer.prepare({ folder, pictures: JSON.stringify(files) });
    await checkSame(ours, peer);
    const pair = await inTurn(run, peer, { rounds: repeat, ms: 0 });
    report({ ours: (1000 * count) / pair.ours, theirs: (1000 * count) / pair.theirs });
  } catch (error) {
    const ms = await run(repeat);
    report({ ours: (1000 * count * repeat) / ms, skipped: (error as Error).message });
  } finally {
    peer?.end();
    rmSync(dir, { recursive: true });
  }

  function report(found: { ours: number; theirs?: number; skipped?: string }): void {
    const { ours, theirs, skipped } = found;
    const ratio = theirs === undefined ? null : ours / theirs;
    const row = {
      work: 'faces',
      adapter,
      faces: count,
      faces_per_s: ours,
      peer: name,
      peer_faces_per_s: theirs ?? null,
      ratio,
    };
    if (json) console.log(JSON.stringify({ ...row, ...(skipped === undefined ? {} : { skipped }) }));
    else if (theirs === undefined)
      console.log(`${adapter}: ${count} faces, ${ours.toFixed(1)} a second; ${name} left out: ${skipped}`);
    else
      console.log(
        `${adapter}: ${count} faces of ${list.length} pictures, ${ours.toFixed(1)} a second; ${name}: ${theirs.toFixed(1)}; ratio ${(ours / theirs).toFixed(2)} (target 1.0)`,
      );
  }
}
