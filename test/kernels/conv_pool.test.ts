import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { forward } from '../../src/kernels/conv_pool';
import { forceVariant, variantsOf } from '../../src/kernels/variant';
import { device } from '../gpu';
import { integers } from '../hashinit';

const test = suite('conv_pool');
test.after.each(() => forceVariant(device, null));

/** Multiples of 1/16 from -2 to 2, so that no sum of these is rounded, in whatever order. */
const numbers = (name: string, n: number): Float32Array => Float32Array.from(integers(name, n, -32, 33), (v) => v / 16);

for (const variant of variantsOf(device))
  test(`${variant}: as convolution, pool and ReLU one after the other, to the bit`, async () => {
    forceVariant(device, variant);
    for (const [n, ci, co, h, w] of [
      [1, 3, 16, 32, 32],
      [2, 3, 8, 7, 43],
      [3, 1, 4, 4, 4],
      [1, 4, 12, 9, 20],
    ]) {
      const x = F.tensor(device, numbers('x', n * ci * h * w), [n, ci, h, w]);
      const weight = F.tensor(device, numbers('w', co * ci * 9), [co, ci, 3, 3], { layout: 'taps' });
      const bias = F.tensor(device, numbers('b', co), [co]);
      const apart = F.leakyRelu(F.maxPool2d(F.conv2d(x, weight, bias, {}), { kernel: 2 }), 0.25);
      const y = F.zeros(device, [n, co, (h - 2) >> 1, (w - 2) >> 1]);
      const buffers = { x: x.storage, weight: weight.storage, bias: bias.storage, y: y.storage };
      forward(device, { n, h, w, ci, co }, buffers, 0.25);
      const [found, wanted] = await F.readAll([y, apart]);
      const differs = found.findIndex((v, i) => v !== wanted[i]);
      assert.is(differs, -1, `${n}x${ci}>${co} ${h}x${w}: [${differs}] is ${found[differs]}, not ${wanted[differs]}`);
    }
  });

test.run();
