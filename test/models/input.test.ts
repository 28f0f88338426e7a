// What a network's input is of a picture, against the formula in float64 and the figures of the papers' own code.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { normalisationTable, toTensor } from '../../src/base/pixels/normalise';
import { buildModel, inputOf, type NetworkName } from '../../src/models';
import { onnxNotes } from '../../src/train/export/onnx_json';
import { Learner } from '../../src/train/loop/learner';
import { device } from '../gpu';

/** The value of channel c (R, G, B) in the network's input, and the place of that channel there. */
const WANTED: Record<string, { value: (byte: number, c: number) => number; place: (c: number) => number }> = {
  densenet: { value: (v, c) => (v / 255 - [0.485, 0.456, 0.406][c]) / [0.229, 0.224, 0.225][c], place: (c) => c },
  bregnext: { value: (v, c) => (v / 255 - [0.485, 0.456, 0.406][c]) / [0.229, 0.224, 0.225][c], place: (c) => c },
  denselite: { value: (v, c) => (v - [122.782, 117.001, 104.298][c]) / 255, place: (c) => c },
  mobilenet: { value: (v, c) => v - [123.68, 116.779, 103.939][c], place: (c) => 2 - c },
};

for (const [network, { value, place }] of Object.entries(WANTED)) {
  const input = inputOf(network as NetworkName);

  // Three float32 roundings of numbers up to 255 for mobilenet, up to 1 for the others, then divided by at least 0.224.
  test(`${network}: every byte of every channel`, () => {
    const table = normalisationTable(input);
    const tolerance = 2 ** -22 * (network === 'mobilenet' ? 255 : 5);
    const rgb = Uint8Array.from({ length: 768 }, (_, i) => i / 3);
    const planes = toTensor(rgb, input);
    for (let byte = 0; byte < 256; byte++)
      for (let c = 0; c < 3; c++) {
        const wanted = value(byte, c);
        assert.ok(Math.abs(table[byte * 3 + place(c)] - wanted) <= tolerance, `${byte}, channel ${c}`);
        assert.is(planes[place(c) * 256 + byte], table[byte * 3 + place(c)]);
      }
  });

  test(`${network}: what stands beside an exported file says the same`, () => {
    const args = { model: 'single_task', network, image_size: 112, classes: ['a', 'b'], align: true };
    const notes = onnxNotes({ args, epoch: 0 } as unknown as Parameters<typeof onnxNotes>[0]).input;
    for (let c = 0; c < 3; c++) {
      const at = notes.channels.indexOf('RGB'[c]);
      assert.is(at, place(c));
      const made = (200 * notes.scale - notes.mean[at]) / notes.std[at];
      assert.ok(Math.abs(made - value(200, c)) < 1e-12 * 255, `channel ${c}: ${made}`);
    }
  });
}

test('a model is built with its input, and a batch is made of pictures as it says', async () => {
  const [n, size] = [2, 16];
  const model = buildModel(device, { model: 'single_task', network: 'bregnext', imageSize: size }).initialise(1);
  assert.is(model.input, inputOf('bregnext'));
  const images = Uint8Array.from({ length: n * size * size * 3 }, (_, i) => (i * 7919) % 256);
  const batch = {
    images,
    affine: Int32Array.from({ length: n * 6 }, (_, i) => [0, 65536, 0, 0, 0, 65536][i % 6]),
    flip: new Uint32Array(n),
    labels: new Uint32Array(n),
    va: new Float32Array(2 * n),
    rows: new Uint32Array(n),
  };
  for (const network of ['bregnext', 'mobilenet'] as NetworkName[]) {
    const input = inputOf(network);
    model.input = input;
    const { logits } = await new Learner(device, model, { embedding: null, loss: null }).evaluate(batch);
    const planes = Array.from({ length: n }, (_, i) => [
      ...toTensor(images.subarray((i * images.length) / n, ((i + 1) * images.length) / n), input),
    ]);
    model.eval();
    const x = F.tensor(device, Float32Array.from(planes.flat()), [n, 3, size, size]);
    assert.equal(logits, await F.noGrad(() => model.forward(x)).logits.data(), network);
  }
});

test.run();
