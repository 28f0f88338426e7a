// The pipeline of bench/faces.ts in TensorFlow.js on its WebAssembly backend: the same passes, weights and pictures, padded and decoded as
// face-api does it, with fused convolutions: node tfjs_faces.mjs FOLDER_WITH_NODE_MODULES
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { plain, serve } from './serve.mjs';

const load = createRequire(`${process.argv[2]}/x.js`);
console.warn = () => {}; // how much faster another backend would be
const tf = load('@tensorflow/tfjs');
const wasm = load('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(`${dirname(load.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
if (!(await tf.setBackend('wasm'))) throw new Error('tfjs: no wasm backend');
await tf.ready();

/** A network's tensors, out of face-api's package. */
function weightsOf(folder, name) {
  const manifest = JSON.parse(readFileSync(join(folder, `${name}-weights_manifest.json`), 'utf8'));
  const found = {};
  for (const { weights, paths } of manifest) {
    const bytes = Uint8Array.from(Buffer.concat(paths.map((path) => readFileSync(join(folder, path)))));
    Object.assign(found, tf.io.decodeWeights(bytes.buffer, weights));
  }
  return found;
}

function conv(w, name, x, strides, pad, activation, leakyreluAlpha) {
  const bias = w[`${name}/bias`];
  if (w[`${name}/filters`])
    return tf.fused.conv2d({ x, filter: w[`${name}/filters`], strides, pad, bias, activation, leakyreluAlpha });
  const y = tf.depthwiseConv2d(x, w[`${name}/depthwise_filter`], strides, pad === 'valid' ? pad : 'same');
  const filter = w[`${name}/pointwise_filter`];
  return tf.fused.conv2d({ x: y, filter, strides: 1, pad: 'valid', bias, activation, leakyreluAlpha });
}

const normalised = (x, mean) => tf.div(tf.sub(x, tf.tensor1d(mean)), 255);

function detector(w, x) {
  let y = normalised(x, [117.001, 114.697, 97.404]);
  for (let i = 0; i < 6; i++) {
    y = conv(w, `conv${i}`, y, 1, i === 0 ? 'valid' : 'same', 'leakyrelu', 0.1);
    y = tf.maxPool(y, 2, i < 5 ? 2 : 1, 'same');
  }
  return conv(w, 'conv8', y, 1, 'valid', 'linear');
}

function denselite(w, x) {
  let y = normalised(x, [122.782, 117.001, 104.298]);
  for (let block = 0; block < 4; block++) {
    y = conv(w, `dense${block}/conv0`, y, 2, 'same', 'relu');
    let sum = y;
    for (let i = 1; i < 4; i++) {
      sum = tf.add(sum, conv(w, `dense${block}/conv${i}`, y, 1, 'same', 'linear'));
      y = tf.relu(sum);
    }
  }
  return tf.add(tf.matMul(tf.mean(y, [1, 2]), w['fc/weights']), w['fc/bias']);
}

const ANCHORS = [
  [1.603231, 2.094468],
  [6.041143, 7.080126],
  [2.882459, 3.518061],
  [4.266906, 5.178857],
  [9.041765, 10.66308],
];
const sigmoid = (v) => 1 / (1 + Math.exp(-v));

function candidates(raw, width, height, size) {
  const cells = size / 32;
  const share = (side) => Math.floor((side * size) / Math.max(width, height) + 0.5);
  const [rw, rh] = [share(width), share(height)];
  const [cx, cy] = [Math.max(rw, rh) / rw / cells, Math.max(rw, rh) / rh / cells];
  const found = [];
  for (let row = 0; row < cells; row++)
    for (let column = 0; column < cells; column++)
      for (let a = 0; a < 5; a++) {
        const at = (row * cells + column) * 25 + a * 5;
        const score = sigmoid(raw[at + 4]);
        if (score <= 0.5) continue;
        const [w, h] = [Math.exp(raw[at + 2]) * ANCHORS[a][0] * cx, Math.exp(raw[at + 3]) * ANCHORS[a][1] * cy];
        found.push([(column + sigmoid(raw[at])) * cx - w / 2, (row + sigmoid(raw[at + 1])) * cy - h / 2, w, h, score]);
      }
  return found;
}

/** Best first, without what `covers` says of a better one. */
function best(boxes, covers) {
  const kept = [];
  for (const box of boxes.toReversed().sort((a, b) => b[4] - a[4]))
    if (!kept.some((better) => covers(better, box))) kept.push(box);
  return kept;
}
const common = (a, b) =>
  Math.max(0, Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0])) *
  Math.max(0, Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]));
const area = (a) => a[2] * a[3];
const alike = (a, b) => common(a, b) > 0.4 * (area(a) + area(b) - common(a, b));
const inside = (a, b) => common(a, b) > 0.8 * Math.min(area(a), area(b));

/** Pads to a square: behind, or on both sides. */
function square(x, centred) {
  const [height, width] = x.shape;
  const side = Math.max(width, height);
  const pads = [height, width].map((n) => {
    const after = centred ? Math.floor((side - n) / 2 + 0.5) : side - n;
    return [side - n - after, after];
  });
  return tf.pad(x, [...pads, [0, 0]]);
}

function find(nets, x) {
  const [height, width] = x.shape;
  const found = [];
  for (const [border, sizes] of [
    [0, [416, 608]],
    [0.25, [160, 96]],
  ]) {
    const pad = Math.floor(border * Math.max(width, height) + 0.5);
    const around = [pad, pad];
    const padded = square(pad ? tf.pad(x, [around, around, [0, 0]]) : x, false);
    const [w, h] = [width + 2 * pad, height + 2 * pad];
    for (const size of sizes) {
      const input = tf.expandDims(tf.image.resizeBilinear(padded, [size, size]));
      for (const box of candidates(detector(nets.detector, input).dataSync(), w, h, size))
        found.push([box[0] * w - pad, box[1] * h - pad, box[2] * w, box[3] * h, box[4]]);
    }
  }
  return best(best(found, alike), inside).sort((a, b) => a[0] + a[2] / 2 - b[0] - b[2] / 2);
}

function mark(nets, x, boxes) {
  const [height, width] = x.shape;
  const crops = boxes.map(([bx, by, bw, bh]) => {
    const [cx, cy] = [Math.max(bx, 0), Math.max(by, 0)];
    return [cx, cy, Math.min(bx + bw - cx, width - cx), Math.min(by + bh - cy, height - cy)].map(Math.floor);
  });
  const inputs = crops.map(([cx, cy, w, h]) =>
    tf.image.resizeBilinear(square(tf.slice(x, [cy, cx, 0], [h, w, 3]), true), [112, 112]),
  );
  const out = denselite(nets.landmarks, tf.stack(inputs)).dataSync();
  return crops.map(([cx, cy, w, h], i) => {
    const side = Math.max(w, h);
    const corner = [cx - (side - w) / 2, cy - (side - h) / 2];
    return Array.from(out.subarray(i * 136, i * 136 + 136), (v, k) => v * side + corner[k % 2]);
  });
}

/** The faces turned level and cut out, then resized. */
function level(x, points) {
  const picture = tf.expandDims(x);
  return points.map((p) => {
    const { matrix, left, top, side } = windowOf(p);
    const [a, b, c, d, e, f] = matrix;
    // From a pixel of the crop to one of the levelled picture, and back by the turn's inverse, its transpose.
    const [u, v] = [left - c, top - f];
    const turn = tf.tensor2d([a, d, a * u + d * v, b, e, b * u + e * v, 0, 0], [1, 8]);
    const crop = tf.image.transform(picture, turn, 'bilinear', 'constant', 0, [side, side]);
    return tf.image.resizeBilinear(crop, [112, 112], false, true);
  });
}

const middle = (p, from, to) =>
  [0, 1].map((axis) => {
    let sum = 0;
    for (let i = from; i < to; i++) sum += p[2 * i + axis];
    return sum / (to - from);
  });

/** How a face is levelled and cut: `alignMatrix` and `uprightBox` of ours, the middle of which stays where it is. */
function windowOf(p) {
  const eyes = [middle(p, 36, 42), middle(p, 42, 48)];
  const [l, r] = eyes.map((eye) => eye.map(Math.trunc));
  const angle = Math.atan((r[1] - l[1]) / (r[0] - l[0]));
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const [cx, cy] = [Math.floor((l[0] + r[0]) / 2), Math.floor((l[1] + r[1]) / 2)];
  const matrix = [c, s, (1 - c) * cx - s * cy, -s, c, s * cx + (1 - c) * cy];
  const [mx, my] = middle(p, 48, 68);
  const [x, y] = [0, 1].map((axis) => (eyes[0][axis] + eyes[1][axis]) / 2);
  const apart = Math.hypot(eyes[1][0] - eyes[0][0], eyes[1][1] - eyes[0][1]);
  const side = Math.round(Math.max(apart / 0.357, Math.hypot(mx - x, my - y) / 0.385));
  return { matrix, left: Math.round(x - 0.4965 * side), top: Math.round(y - 0.389 * side), side };
}

const facesOf = (nets, { width, height, data }) =>
  tf.tidy(() => {
    const x = tf.cast(tf.tensor3d(data, [height, width, 3], 'int32'), 'float32');
    const boxes = find(nets, x);
    const points = mark(nets, x, boxes);
    const scores = denselite(nets.expression, tf.concat(level(x, points)));
    return [boxes.flat(), points.flat(), [...tf.softmax(scores).dataSync()]];
  });

await serve(({ folder, pictures }) => {
  const nets = {
    detector: weightsOf(folder, 'tiny_face_detector_model'),
    landmarks: weightsOf(folder, 'face_landmark_68_model'),
    expression: weightsOf(folder, 'face_expression_model'),
  };
  const list = JSON.parse(pictures).map(({ file, width, height }) => ({ width, height, data: readFileSync(file) }));
  return {
    compute: () => list.flatMap((picture) => facesOf(nets, picture)),
    free() {},
    wait() {},
    values: async (result) => result.map(plain),
  };
});
