import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readFaceApiWeights } from '../../src/data/face_weights';
import { readSafetensors } from '../../src/formats/safetensors';
import { readTfjsWeights } from '../../src/formats/tfjs';

/** The largest float32, and the least number that rounds to none. */
const LARGEST = (2 - 2 ** -23) * 2 ** 127;
const BEYOND = (2 - 2 ** -24) * 2 ** 127;

const read = (weights: unknown, bytes: Uint8Array) =>
  readTfjsWeights([{ weights, paths: ['w.bin'] }], () => bytes, 'bad.json');

test("the package's networks decode to the goldens' sums, first and last numbers", () => {
  const { tensors, metadata } = readSafetensors(readFileSync('test/golden/faces/weights.safetensors'));
  for (const name of ['tiny_face_detector_model', 'face_landmark_68_model', 'face_expression_model'] as const) {
    const layout: [string, string, number, string, number[]][] = JSON.parse(metadata[name]);
    const stat = tensors.get(`${name}.stat`)!.data as Float64Array;
    const found = [...readFaceApiWeights(name)];
    assert.equal(
      found.map(([key, { shape }]) => [key, shape]),
      layout.map(([key, , , , shape]) => [key, shape]),
    );
    for (const [i, [key, { data }]] of found.entries()) {
      const [sum, absolute, first, last] = stat.subarray(i * 4, i * 4 + 4);
      // Decoded numbers are equal; only the sums' order of adding differs.
      assert.is(data[0], first, key);
      assert.is(data.at(-1), last, key);
      let [s, a] = [0, 0];
      for (const v of data) {
        s += v;
        a += Math.abs(v);
      }
      assert.ok(Math.abs(s - sum) <= 1e-12 * absolute, `${key}: sum ${s}, expected ${sum}`);
      assert.ok(Math.abs(a - absolute) <= 1e-12 * absolute, `${key}: absolute sum ${a}, expected ${absolute}`);
    }
  }
});

test('every stored type is decoded, without alignment and across files and groups', () => {
  const bytes = new DataView(new ArrayBuffer(24));
  bytes.setUint8(0, 3);
  bytes.setFloat32(1, 1.5, true);
  bytes.setInt32(5, -7, true);
  bytes.setUint16(9, 0x3c00, true); // half 1
  bytes.setUint16(11, 0xc000, true); // half -2
  bytes.setUint16(13, 65535, true);
  bytes.setFloat32(15, -0.25, true);
  const all = new Uint8Array(bytes.buffer);
  const q = (dtype: string, scale?: number, min?: number) => ({ dtype, scale, min });
  const got = readTfjsWeights(
    [
      {
        weights: [
          { name: 'q', shape: [1, 1], dtype: 'float32', quantization: q('uint8', 0.1, -0.7) },
          { name: 'f', shape: [], dtype: 'float32' },
          { name: 'none', shape: [4, 0], dtype: 'float32' },
          { name: 'i', shape: [1], dtype: 'int32' },
          { name: 'h', shape: [2], dtype: 'float32', quantization: q('float16') },
          { name: 'w', shape: [1], dtype: 'float32', quantization: q('uint16', 0.1, 1) },
        ],
        paths: ['a-1of2', 'a-2of2'],
      },
      { weights: [{ name: '__proto__', shape: [1], dtype: 'float32' }], paths: ['b.bin'] },
    ],
    (path) => (path === 'b.bin' ? all.subarray(15, 19) : path === 'a-1of2' ? all.subarray(0, 3) : all.subarray(3, 15)),
    'good.json',
  );
  assert.equal(
    [...got],
    [
      ['q', { shape: [1, 1], data: Float32Array.of(3 * 0.1 - 0.7) }],
      ['f', { shape: [], data: Float32Array.of(1.5) }],
      ['none', { shape: [4, 0], data: new Float32Array(0) }],
      ['i', { shape: [1], data: Int32Array.of(-7) }],
      ['h', { shape: [2], data: Float32Array.of(1, -2) }],
      ['w', { shape: [1], data: Float32Array.of(65535 * 0.1 + 1) }],
      ['__proto__', { shape: [1], data: Float32Array.of(-0.25) }],
    ],
  );
});

test('a manifest that is none is refused: the source, the place, what was expected and found', () => {
  const one = { name: 'w', shape: [2], dtype: 'float32' };
  const eight = new Uint8Array(8);
  const uint8 = (scale: unknown, min: unknown) => [
    { ...one, shape: [8], quantization: { dtype: 'uint8', scale, min } },
  ];
  const manifests: [unknown, RegExp][] = [
    [null, /manifest: expected a list/],
    [{ weightsManifest: [] }, /manifest: expected a list/],
    [[null], /group 0/],
    [[{ weights: [] }], /group 0/],
    ...[['../w.bin'], ['/etc/passwd'], ['a/b'], ['a\\b'], ['..'], [''], ['http://x'], [7], [null]].map(
      (paths): [unknown, RegExp] => [[{ weights: [one], paths }], /group 0: expected plain file names/],
    ),
  ];
  for (const [manifest, says] of manifests) refuses(() => readTfjsWeights(manifest, () => eight, 'bad.json'), says);
  const lists: [unknown, RegExp][] = [
    [[null], /group 0, weight 0/],
    [[{ ...one, name: 7 }], /group 0, weight 0/],
    [[one, one], /"w": expected each name once/],
    ...[null, '2', [-2], [1.5], ['2'], [2 ** 53], [null]].map((shape): [unknown, RegExp] => [
      [{ ...one, shape }],
      /"w": expected a shape/,
    ]),
    ...[[3], [2, 2], [2 ** 52, 2 ** 52], Array(40).fill(2 ** 50)].map((shape): [unknown, RegExp] => [
      [{ ...one, shape }],
      /expected \S+ bytes from byte 0, found 8$/,
    ]),
    [[{ ...one, shape: [-1, 0] }], /"w": expected a shape/],
    [[{ ...one, shape: [1] }], /expected the files to end with the last tensor \(byte 4\), found 8/],
    [[], /expected the files to end with the last tensor \(byte 0\), found 8/],
    ...['float16', 'string', 'bool', 'complex64', 7, undefined].map((dtype): [unknown, RegExp] => [
      [{ ...one, dtype }],
      /"w": expected dtype/,
    ]),
    [[{ ...one, quantization: null }], /"w": expected quantization/],
    [[{ ...one, dtype: 'int32', quantization: { dtype: 'uint8', scale: 1, min: 0 } }], /"w": expected quantization/],
    [[{ ...one, quantization: { dtype: 'uint4', scale: 1, min: 0 } }], /"w": expected quantization to/],
    [uint8('1', 0), /numbers scale and min/],
    [uint8(1, undefined), /numbers scale and min/],
    [uint8(1e300, 0), /values are float32/],
    [uint8(1, -1e39), /values are float32/],
    // 255 and 65535 times these are just beyond, or minus what is beyond.
    [uint8(BEYOND / 255, 0), /values are float32/],
    [uint8(-BEYOND / 255, 0), /values are float32/],
    [uint8(0.75 * (BEYOND / 255), BEYOND / 2), /values are float32/],
    [[{ ...one, shape: [4], quantization: { dtype: 'uint16', scale: BEYOND / 65535, min: 0 } }], /values are float32/],
    [uint8(Number.NaN, 0), /values are float32/],
  ];
  for (const [weights, says] of lists) refuses(() => read(weights, eight), says);
  // An empty tensor may have any other size, and a hostile name is shown harmless and short.
  assert.is(
    read(
      [
        { ...one, shape: [2 ** 52, 2 ** 52, 0] },
        { ...one, name: 'v' },
      ],
      eight,
    ).get('w')!.data.length,
    0,
  );
  // Just within.
  const least = BEYOND * (1 - 2 ** -52);
  for (const [dtype, most] of [
    ['uint8', 255],
    ['uint16', 65535],
  ] as const) {
    const quantization = { dtype, scale: least / most, min: 0 };
    const size = dtype === 'uint8' ? 8 : 4;
    assert.is(
      read(
        [{ ...one, shape: [size], quantization }],
        eight.map(() => 255),
      ).get('w')?.data[0],
      LARGEST,
    );
    quantization.min = -least;
    assert.is(read([{ ...one, shape: [size], quantization }], eight).get('w')?.data[0], -LARGEST);
  }
  for (const [length, shown] of [
    [98, `"${'x'.repeat(98)}"`],
    [99, `"${'x'.repeat(99)}…`],
  ] as const)
    refuses(() => read([{ ...one, dtype: 'x'.repeat(length) }], eight), new RegExp(`found ${shown}$`));
  refuses(() => read([{ ...one, name: `\u001b[2J${'x'.repeat(1e6)}`, dtype: 7 }], eight), /\\u001b/);
});

function refuses(run: () => unknown, says: RegExp): void {
  try {
    run();
  } catch (error) {
    assert.instance(error, InputError);
    const { message } = error as InputError;
    assert.match(message, says);
    assert.match(message, /^bad\.json: .*expected .*, found /);
    assert.ok(message.length < 500);
    return;
  }
  assert.unreachable(`was read, where it should say ${says}`);
}

test.run();
