// A convolution's data gradient that its tile makes in parts: the norm in front of it adds them up as it reads them, to the bits of the two apart.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { backward, batchNorm, batchNormConv2d, conv2d, readAll, type Tensor } from '../../src/autograd';
import type { DType } from '../../src/kernels/launch/matrix';
import { forceVariant } from '../../src/kernels/variant';
import { device } from '../gpu';
import { random } from './helpers';

const test = suite('norm_in_parts');
const C = 16;

/** Gradients of x, gamma and beta, and what was launched. */
async function gradients(side: number, dtype: DType, fused: boolean) {
  const x = random('x', [2, C, side, side], { layout: 'rows', dtype });
  const weight = random('w', [8, C, 3, 3], { layout: 'taps' });
  const [gamma, beta] = [random('gamma', [C], { offset: 1 }), random('beta', [C])];
  const [runningMean, runningVar] = ['mean', 'var'].map((name) => random(name, [C], { requiresGrad: false }));
  const bn = { weight: gamma, bias: beta, runningMean, runningVar };
  const [mode, options] = [{ training: true }, { padding: 1 }];
  const dy = random('dy', [2, 8, side, side], { layout: 'rows', requiresGrad: false, dtype });
  const launches = device.launchesOf(() => {
    const y = fused
      ? batchNormConv2d(x, bn, mode, 'relu', weight, null, options)
      : conv2d(batchNorm(x, bn, mode, 'relu'), weight, null, options);
    backward(y, dy);
  });
  const all = await readAll([x, gamma, beta].map((t) => t.grad as Tensor));
  return { all, sums: launches.filter(({ label }) => label.startsWith('conv2d.backward_data.sum')).length };
}

test('by few rows and by many, in f32 and f16', async () => {
  forceVariant(device, 'tiled 16x32x8 in 4');
  try {
    for (const dtype of device.features.has('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const))
      for (const side of [6, 20]) {
        const [apart, fused] = [await gradients(side, dtype, false), await gradients(side, dtype, true)];
        assert.equal([apart.sums, fused.sums], [1, dtype === 'f16' ? 1 : 0]);
        assert.ok(apart.all.every((g) => g.some((v) => v !== 0)));
        assert.equal(fused.all, apart.all, `${dtype}, ${side} x ${side}`);
      }
  } finally {
    forceVariant(device, null);
  }
});

test.run();
