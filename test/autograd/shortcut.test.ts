import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, backward, gradcheck, shortcut, sliceChannels, type Tensor, tensor } from '../../src/autograd';
import { device } from '../gpu';
import { goldens, near, random, refuses } from './helpers';

const test = suite('shortcut');
goldens(test, 'shortcut');

const number = (v: number, name: string): Tensor => tensor(device, [v], [1], { requiresGrad: true, name });

/** Value and derivatives by x, a and c in double precision; near u = 0 the series of what cancels. */
function exact(x: number, a: number, c: number): { y: number; dx: number; da: number; dc: number } {
  const s = Math.hypot(c, 1);
  const u = (a * x) / s;
  const slope = 1 / (1 + u * u);
  const value = u === 0 ? 1 : Math.atan(u) / u;
  const bend = Math.abs(u) < 1e-3 ? -2 / 3 + 0.8 * u * u : (slope - value) / (u * u);
  return {
    y: (x / s ** 2) * value,
    dx: slope / s ** 2,
    da: ((a * x ** 3) / s ** 4) * bend,
    dc: ((-c * x) / s ** 4) * (value + slope),
  };
}

// The golden rule's floor for a tensor (3e-7) and for one number (1e-6); a term by itself, so nothing cancels here.
test('from the tiniest to huge arguments, every branch of the arctangent', async () => {
  for (const [a, c] of [
    [1, 1],
    [-0.7, 0],
    [5, -2],
    [0.001, 0.1],
    [0, 1],
  ]) {
    for (const size of [1e-6, 0.01, 0.3, 0.41, 0.42, 1, 2.41, 2.42, 7, 1e3]) {
      for (const x of [size, -size]) {
        const [t, ta, tc] = [number(x, 'x'), number(a, 'a'), number(c, 'c')];
        const y = shortcut(t, ta, tc);
        backward(y);
        const [f, e] = [Math.fround, [t, ta, tc]];
        const expected = exact(f(x), f(a), f(c));
        const at = `x ${x}, a ${a}, c ${c}`;
        near([await y.item()], [expected.y], 5e-7, `y at ${at}`);
        const [dx, da, dc] = await Promise.all(e.map((v) => (v.grad as Tensor).item()));
        near([dx], [expected.dx], 5e-7, `dx at ${at}`);
        near([da], [expected.da], 5e-6, `da at ${at}`);
        near([dc], [expected.dc], 1e-6, `dc at ${at}`);
      }
    }
  }
});

test('gradients of maps, odd sizes and slices; only some of them wanted; written and added', async () => {
  for (const shape of [[2, 8, 3, 3], [1, 5, 3, 1], [7]]) {
    const inputs = [random('x', shape, { scale: 2 }), number(0.8, 'a'), number(-0.6, 'c')];
    await gradcheck((x, a, c) => shortcut(x, a, c), inputs, { samples: 8 });
    await gradcheck((x, a, c) => add(shortcut(x, a, c), shortcut(shortcut(x, c, a), a, c)), inputs, { samples: 8 });
  }
  for (const [from, to] of [
    [4, 8],
    [3, 8],
  ]) {
    const part = (x: Tensor): Tensor => sliceChannels(x, from, to);
    await gradcheck((x, a, c) => shortcut(part(x), a, c), [random('x', [3, 12, 2, 2]), number(1, 'a'), number(1, 'c')]);
  }
  const constant = random('x', [2, 4, 3, 3], { requiresGrad: false });
  await gradcheck((a) => shortcut(constant, a, number(1, 'c').detach()), [number(0.8, 'a')]);
  await gradcheck((x) => shortcut(x, number(0.8, 'a').detach(), number(1, 'c').detach()), [random('x', [2, 4, 3, 3])]);
});

test('the sums for a and c, of 200,000 terms that cancel', async () => {
  const x = random('x', [8, 32, 28, 28], { scale: 2 });
  const [a, c] = [number(0.9, 'a'), number(1.1, 'c')];
  const up = random('up', [8, 32, 28, 28], { requiresGrad: false });
  backward(shortcut(x, a, c), up);
  const [xs, g] = [await x.data(), await up.data()];
  const expected = { da: 0, dc: 0, sizeA: 0, sizeC: 0 };
  const [fa, fc] = [Math.fround(0.9), Math.fround(1.1)];
  xs.forEach((v, i) => {
    const { da, dc } = exact(v, fa, fc);
    expected.da += g[i] * da;
    expected.dc += g[i] * dc;
    expected.sizeA += Math.abs(g[i] * da);
    expected.sizeC += Math.abs(g[i] * dc);
  });
  // A plain float32 sum is off by some 1e-8 of the terms' size; rounding of so many terms averages out below 1e-9.
  const [da, dc] = [await (a.grad as Tensor).item(), await (c.grad as Tensor).item()];
  assert.ok(Math.abs(da - expected.da) < 2e-9 * expected.sizeA + 1e-6 * Math.abs(expected.da), `${da} ${expected.da}`);
  assert.ok(Math.abs(dc - expected.dc) < 2e-9 * expected.sizeC + 1e-6 * Math.abs(expected.dc), `${dc} ${expected.dc}`);
});

test('what does not fit', () => {
  const x = random('x', [2, 4]);
  refuses(
    () => shortcut(x, random('a', [2]), number(1, 'c')),
    /expected a and c of shape \[1\], found a\[2\] and c\[1\]/,
  );
});

test.run();
