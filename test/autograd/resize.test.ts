import { suite } from 'uvu';
import { add, empty, gradcheck, resizeBilinear, sliceChannels, type Tensor, tensor } from '../../src/autograd';
import { device } from '../gpu';
import { goldens, near, random, refuses } from './helpers';

const test = suite('resize');
goldens(test, 'resize_bilinear');

/** By the formula, in double precision. */
function reference(
  x: Float32Array,
  [n, c, h, w]: readonly number[],
  [oh, ow]: readonly number[],
  align: boolean,
): number[] {
  const at = (o: number, inputs: number, outputs: number): number =>
    align ? (outputs > 1 ? (o * (inputs - 1)) / (outputs - 1) : 0) : Math.max(((o + 0.5) * inputs) / outputs - 0.5, 0);
  const out: number[] = [];
  for (let m = 0; m < n * c; m++)
    for (let oy = 0; oy < oh; oy++)
      for (let ox = 0; ox < ow; ox++) {
        const [y, i] = [at(oy, h, oh), at(ox, w, ow)];
        const [y0, i0] = [Math.floor(y), Math.floor(i)];
        const line = (row: number): number => {
          const [a, b] = [i0, Math.min(i0 + 1, w - 1)].map((column) => x[(m * h + row) * w + column]);
          return a + (b - a) * (i - i0);
        };
        out.push(line(y0) + (line(Math.min(y0 + 1, h - 1)) - line(y0)) * (y - y0));
      }
  return out;
}

test('values and gradients, any size to any other, both ways to lay the corners', async () => {
  const cases: [number[], [number, number]][] = [
    [
      [2, 3, 4, 6],
      [7, 5],
    ],
    [
      [1, 8, 13, 2],
      [3, 9],
    ],
    [
      [1, 4, 1, 1],
      [4, 3],
    ],
    [
      [2, 1, 6, 5],
      [1, 1],
    ],
    [
      [1, 5, 17, 19],
      [16, 20],
    ],
  ];
  for (const alignCorners of [false, true])
    for (const [shape, size] of cases) {
      const x = random('x', shape);
      const op = (t: Tensor): Tensor => resizeBilinear(t, size, { alignCorners });
      const what = `${shape} to ${size}, ${alignCorners}`;
      // Two products and a sum in float32, twice.
      near(await op(x).data(), reference(await x.data(), shape, size, alignCorners), 2e-7, what);
      await gradcheck(op, [x], { samples: 16 });
    }
});

test('on a long line places are exact', async () => {
  const w = 5003;
  const line = tensor(
    device,
    Float32Array.from({ length: w }, (_, i) => i % 2),
    [1, 1, 1, w],
  );
  const expected = reference(await line.data(), [1, 1, 1, w], [1, 7919], false);
  near(await resizeBilinear(line, [1, 7919]).data(), expected, 2e-7);
});

test('slices in, a gradient written before is added to', async () => {
  for (const [from, to] of [
    [4, 8],
    [1, 6],
  ])
    await gradcheck((t) => resizeBilinear(sliceChannels(t, from, to), [5, 7]), [random('x', [2, 12, 3, 4])], {
      samples: 12,
    });
  await gradcheck(
    (t) => add(resizeBilinear(t, [5, 2]), resizeBilinear(t, [5, 2], { alignCorners: true })),
    [random('x', [1, 4, 3, 4])],
  );
});

test('what does not fit', () => {
  const x = random('x', [1, 4, 5, 5]);
  refuses(() => resizeBilinear(x, [0, 3]), /resize_bilinear of x\[1x4x5x5\]: the size must be at least 1, found 0x3/);
  refuses(() => resizeBilinear(x, [2.5, 3]), /at least 1, found 2.5x3/);
  refuses(() => resizeBilinear(random('m', [4, 5]), [2, 2]), /x must be \[N, C, H, W\] in layout rows/);
  refuses(() => resizeBilinear(empty(device, [1, 1, 1, 40000]), [1, 40000]), /below 2\^30, found 1x40000/);
});

test.run();
