// Holds the results of an op or a module to everything that a fixture stores of them.

import { uniform } from '../hashinit';
import {
  type Check,
  compareExact,
  compareFigure,
  compareStored,
  DOT_ROOM,
  failure,
  largest,
  type Numbers,
  norm,
  ONE_NUMBER,
  type Own,
  part,
  type Rule,
  STORED,
} from './compare';
import type { Fixture } from './fixture';

/** A result in PyTorch's shape and row-major order. */
export interface Result {
  shape: readonly number[];
  data: Numbers;
}

const LOSS = /^out\.(loss|cat|cont)$/;
const MEAN = /^(out\..*)(running|save)_mean$/;
/** Below this part of its weight's gradient a bias gradient is zero in truth (float64 leaves 1e-16). */
const TRUE_ZERO = 1e-10;

/** Compares what the fixture has of each result: the values, or the digest's sample, norm and dot product. */
export function compareResults(fixture: Fixture, results: ReadonlyMap<string, Result>): Check[] {
  return fixture.results().flatMap((name) => {
    const got = results.get(name);
    return got ? compareResult(fixture, name, got, results) : [failure(name, 'no such result here')];
  });
}

function compareResult(fixture: Fixture, name: string, got: Result, results: ReadonlyMap<string, Result>): Check[] {
  const own = ownOf(fixture, name);
  const single = got.data.length === 1 && (name.startsWith('grad.') || LOSS.test(name));
  const rule = single && fixture.op !== 'ccc_loss' ? ONE_NUMBER : STORED;
  const scale = meanScale(name, got, results) ?? got.data;
  const checks: Check[] = [];
  const digest = ['sample.f64ref', 'norm', 'dot'].some((kind) => fixture.has(`${name}.${kind}`));

  const shape =
    fixture.json<number[]>(`shape.${name}`) ?? (digest ? null : fixture.tensors.get(stored(fixture, name))!.shape);
  if (shape && !sameShape(shape, got.shape)) {
    checks.push(failure(name, `shape [${got.shape}], expected [${shape}]`));
  }
  if (fixture.has(`${name}.f64ref`)) {
    const ref = fixture.numbers(`${name}.f64ref`);
    const limit = zeroGradientLimit(fixture, name, ref, own, results);
    const plain = compareStored(name, got.data, ref, own, rule, scale === got.data ? ref : scale);
    checks.push(limit === null || plain.problem ? plain : { ...plain, fraction: part(plain.maxAbs, limit) });
  }
  if (fixture.has(name)) checks.push(compareExact(name, got.data, fixture.numbers(name)));
  if (digest) checks.push(...compareDigest(fixture, name, got.data, scale, own, rule));
  return checks;
}

function compareDigest(fixture: Fixture, name: string, got: Numbers, scale: Numbers, own: Own, rule: Rule): Check[] {
  const checks: Check[] = [];
  const allowed = rule.factor * own.relL2 + rule.floor;
  const size = norm(scale);
  if (fixture.has(`${name}.sample.f64ref`)) {
    const ref = fixture.numbers(`${name}.sample.f64ref`);
    const picked = sample(got);
    checks.push(compareStored(`${name}.sample`, picked, ref, own, rule, scale === got ? ref : sample(scale)));
  }
  if (fixture.has(`${name}.norm`)) {
    const ref = fixture.numbers(`${name}.norm`)[0];
    checks.push(compareFigure(`${name}.norm`, norm(got), ref, { size, own: own.relL2, limit: allowed * size }));
  }
  if (fixture.has(`${name}.dot`)) {
    const ref = fixture.numbers(`${name}.dot`)[0];
    const limit = DOT_ROOM * allowed * size;
    checks.push(
      compareFigure(`${name}.dot`, projection(name, got, fixture.salt), ref, { size, own: own.relL2, limit }),
    );
  }
  return checks;
}

/** Elements floor(k * n / 256), k = 0..255; all where there are no more. */
export function sample(values: Numbers): Float64Array {
  const n = values.length;
  return Float64Array.from({ length: Math.min(n, 256) }, (_, k) => values[n > 256 ? Math.floor((k * n) / 256) : k]);
}

/** The dot product with the probe of that name. */
export function projection(name: string, values: Numbers, salt: number): number {
  const probe = uniform(`probe:${name}`, values.length, salt);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * probe[i];
  return sum;
}

/** The file's own figures; the double route of the CCC loss is held to what a float32 route can give. */
function ownOf(fixture: Fixture, name: string): Own {
  const own = fixture.own(name);
  if (fixture.op !== 'ccc_loss' || fixture.attr<string>('f32_route', '') !== 'double') return own;
  const relL2 = Math.max(own.relL2, 1e-7);
  const size = fixture.has(`${name}.f64ref`) ? largest(fixture.numbers(`${name}.f64ref`)) : 0;
  return { relL2, maxAbs: Math.max(own.maxAbs, 1e-7 * size) };
}

/** sqrt(mean^2 + variance) for the means of a batch norm, which may be as small as they like; null for all else. */
function meanScale(name: string, got: Result, results: ReadonlyMap<string, Result>): Float64Array | null {
  const [, prefix, kind] = name.match(MEAN) ?? [];
  if (prefix === undefined) return null;
  const variance = results.get(`${prefix}${kind}_var`);
  if (!variance) throw new Error(`${name} needs ${kind}_var beside it`);
  return Float64Array.from(variance.data, (v, i) => Math.sqrt(got.data[i] ** 2 + v));
}

/**
 * The limit of a convolution bias's gradient in front of a batch norm: zero in truth, so its relative error says nothing.
 * Null for any other tensor.
 */
function zeroGradientLimit(
  fixture: Fixture,
  name: string,
  ref: Numbers,
  own: Own,
  results: ReadonlyMap<string, Result>,
): number | null {
  if (fixture.op !== 'module' || !/^grad\..*conv\d\.bias$/.test(name)) return null;
  const weight = results.get(name.replace(/bias$/, 'weight'));
  const size = weight ? norm(weight.data) : 0;
  return norm(ref) <= TRUE_ZERO * size ? 8 * own.maxAbs + 1e-6 * size : null;
}

const stored = (fixture: Fixture, name: string): string => (fixture.has(name) ? name : `${name}.f64ref`);

/** Scalars are stored as [1]. */
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.join() === b.join() || (a.length <= 1 && b.length <= 1 && (a[0] ?? 1) === (b[0] ?? 1));
