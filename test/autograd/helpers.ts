import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Tensor, type TensorOptions, tensor } from '../../src/autograd';
import { InputError } from '../../src/base/errors';
import { forceVariant, type Variant, variantsOf } from '../../src/kernels/variant';
import { runCase } from '../goldens/case';
import { type Check, passes } from '../goldens/compare';
import { Fixture } from '../goldens/fixture';
import { OPS } from '../goldens/ops';
import { checkOptimizer } from '../goldens/optimizer';
import { compareResults } from '../goldens/results';
import { device } from '../gpu';
import { uniform } from '../hashinit';

const size = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** A leaf of fixed random numbers in offset +- scale that wants a gradient; other names, other numbers. */
export function random(
  name: string,
  shape: readonly number[],
  { scale = 1, offset = 0, ...options }: TensorOptions & { scale?: number; offset?: number } = {},
): Tensor {
  return tensor(device, uniform(name, size(shape), 0, scale, offset), shape, { requiresGrad: true, name, ...options });
}

/** The smallest integers of every tensor's elements: exact in float32, and easy to follow. */
export const counting = (shape: readonly number[], options: TensorOptions = {}): Tensor =>
  tensor(
    device,
    Float32Array.from({ length: size(shape) }, (_, i) => i),
    shape,
    { requiresGrad: true, ...options },
  );

/** One test for each golden of these ops, held to the rules of test/golden/README.md. */
export const goldens = (test: Test, ...ops: string[]): void =>
  eachGolden(test, ops, async (fixture) => compareResults(fixture, await runCase(device, fixture, OPS[fixture.op])));

/** As `goldens`, of an optimizer. */
export const optimizerGoldens = (test: Test, optimizer: string): void =>
  eachGolden(test, [optimizer], (fixture) => checkOptimizer(device, fixture));

function eachGolden(test: Test, ops: readonly string[], check: (fixture: Fixture) => Promise<Check[]>): void {
  for (const folder of ['ops', 'extra']) {
    for (const file of readdirSync(`test/golden/${folder}`)) {
      const fixture = Fixture.parse(`${folder}/${file}`, readFileSync(`test/golden/${folder}/${file}`));
      if (!ops.includes(fixture.op)) continue;
      test(`golden ${folder}/${file}`, async () => {
        const checks = await check(fixture);
        assert.ok(checks.length > 0);
        assert.equal(
          checks.filter((c) => !passes(c)),
          [],
        );
        assert.equal(fixture.unseen(), [], 'tensors that nothing compared');
      });
    }
  }
}

/** Runs `fn` once for each variant of the matrix kernels that this adapter has. */
export async function eachVariant(fn: (variant: Variant) => Promise<void>): Promise<void> {
  try {
    for (const variant of variantsOf(device)) {
      forceVariant(device, variant);
      await fn(variant);
    }
  } finally {
    forceVariant(device, null);
  }
}

/** `fn` must refuse its input with a message that says this. */
export function refuses(fn: () => unknown, message: RegExp): void {
  assert.throws(fn, (e: Error) => e instanceof InputError && message.test(e.message), `expected InputError ${message}`);
}

/** Relative L2 error of at most `limit`. */
export function near(got: ArrayLike<number>, expected: ArrayLike<number>, limit: number, what = ''): void {
  assert.is(got.length, expected.length, `${what}: number of elements`);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < got.length; i++) {
    difference += (got[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  const error = Math.sqrt(difference / (norm || 1));
  assert.ok(error <= limit, `${what}: relative error ${error}, at most ${limit} allowed`);
}

/** Elements [from, to) of each row of a matrix given row by row. */
export function columnsOf(data: Float32Array, width: number, from: number, to: number): Float32Array {
  return data.filter((_, i) => i % width >= from && i % width < to);
}

/** Runs the garbage collector; what waits for it is done after the next pause. */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}
