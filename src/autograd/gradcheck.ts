import { step } from './step';
import { backward, gradInto, noGrad } from './tape';
import { type Tensor, tensor } from './tensor';

export interface GradcheckOptions {
  /** Half the distance between the two points of a difference. Default 1e-2, which suits float32 and values around 1. */
  readonly eps?: number;
  /** Allowed relative error. Default 1e-2. */
  readonly tolerance?: number;
  /** Elements looked at of each input; all where there are no more. Default 24. */
  readonly samples?: number;
}

/** The worst disagreement found in one input's gradient. */
export interface GradcheckResult {
  readonly input: string;
  /** |analytic - numeric|, relative to the larger of both (see `gradcheck` for the floor). */
  readonly error: number;
  /** Where: `element 17 at [0, 1, 2]`, or `a random direction`. */
  readonly where: string;
  readonly analytic: number;
  readonly numeric: number;
}

/**
 * Holds the gradients of an operation to central differences of its forward. The scalar differentiated is a fixed random
 * projection of the result, summed in double precision on the CPU. Of a large input it takes a fixed sample of elements, and
 * the derivative along one random direction, in which every element has a part.
 *
 * The relative error of a gradient g is taken against max(|g|, 0.1 * rms of that input's gradient, what rounding of the
 * float32 forward can make of the difference). Inputs must keep 2 eps away from kinks and jumps (0 of relu, ties of a max).
 * Gradients that the inputs had before are dropped.
 *
 * @param fn makes one tensor from the inputs; it is called many times, so it must not change what it computes from.
 * @param inputs leaves; those that require a gradient are checked. Every input must be a whole tensor, no slice.
 * @returns the worst of each input.
 * @throws Error that names input, element, analytic and numeric value when an error exceeds the tolerance.
 * @example
 * const x = tensor(device, [0.5, -1, 2, 0.3], [2, 2], { name: 'x', requiresGrad: true });
 * const [worst] = await gradcheck((x) => matmul(x, x), [x]);
 * worst.error < 1e-2; // true
 */
export async function gradcheck(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  { eps = 1e-2, tolerance = 1e-2, samples = 24 }: GradcheckOptions = {},
): Promise<GradcheckResult[]> {
  const wanted = inputs.filter((t) => t.requiresGrad);
  if (wanted.length === 0) throw new Error('gradcheck: no input requires a gradient');
  const { device } = wanted[0];
  const forward = async (): Promise<Float32Array> => {
    const y = step(device, () => noGrad(() => fn(...inputs)));
    return y.data();
  };

  const y = await forward();
  const projection = Float32Array.from(y, (_, i) => random(i, 1));
  const rounding = (1e-6 * norm(y.map((v, i) => v * projection[i]))) / eps;
  const analytic = await gradients(fn, inputs, wanted, projection);

  const results: GradcheckResult[] = [];
  for (const [i, input] of wanted.entries()) {
    const gradient = analytic[i];
    const floor = Math.max(0.1 * (norm(gradient) / Math.sqrt(gradient.length)), rounding / tolerance, 1e-30);
    const name = input.name || `input ${inputs.indexOf(input)}`;
    const start = await input.data();
    let worst: GradcheckResult = {
      input: `${name}[${input.shape.join('x')}]`,
      error: 0,
      where: '',
      analytic: 0,
      numeric: 0,
    };
    for (const { where, move } of moves(input, samples)) {
      const [above, below] = [start.slice(), start.slice()];
      let expected = 0;
      for (const [at, by] of move) {
        above[at] += eps * by;
        below[at] -= eps * by;
        // The step that float32 took, not the one that was asked for.
        expected += gradient[at] * ((above[at] - below[at]) / (2 * eps));
      }
      input.write(above);
      const high = await forward();
      input.write(below);
      const low = await forward();
      let numeric = 0;
      for (let k = 0; k < high.length; k++) numeric += projection[k] * (high[k] - low[k]);
      numeric /= 2 * eps;
      const error = Math.abs(expected - numeric) / Math.max(Math.abs(expected), Math.abs(numeric), floor);
      // A NaN must not pass for small.
      if (!(error <= worst.error)) worst = { ...worst, error, where, analytic: expected, numeric };
      if (Number.isNaN(error)) break;
    }
    input.write(start);
    results.push(worst);
  }
  const wrong = results.filter((r) => !(r.error <= tolerance));
  if (wrong.length > 0) throw new Error(`gradcheck: ${wrong.map((r) => report(r, tolerance)).join('\n')}`);
  return results;
}

const report = (r: GradcheckResult, tolerance: number): string =>
  `the gradient of ${r.input} is wrong at ${r.where}: analytic ${r.analytic.toPrecision(6)}, ` +
  `numeric ${r.numeric.toPrecision(6)} (relative error ${r.error.toExponential(1)}, allowed ${tolerance})`;

/** The gradients that `backward` gives, in logical order; zeros where it gives none. */
async function gradients(
  fn: (...inputs: Tensor[]) => Tensor,
  inputs: readonly Tensor[],
  wanted: readonly Tensor[],
  projection: Float32Array,
): Promise<Float32Array[]> {
  const { device } = inputs[0];
  for (const t of wanted) t.value.dropGrad();
  step(device, () => {
    const y = fn(...inputs);
    backward(y, tensor(device, projection, y.shape, { layout: y.layout }));
  });
  const read: Float32Array[] = [];
  for (const t of wanted) {
    // Where nothing wrote a column its gradient is 0; `gradInto` fills up what was written in part.
    const grad = t.value.gradCovered.empty ? null : gradInto(t)?.grad;
    read.push((await grad?.data()) ?? new Float32Array(t.size));
  }
  for (const t of wanted) t.value.dropGrad();
  return read;
}

/** How inputs are moved: element and by how much (in units of eps). */
function* moves(input: Tensor, samples: number): Generator<{ where: string; move: [number, number][] }> {
  const { size, shape } = input;
  const some = size > samples;
  for (let k = 0; k < Math.min(size, samples); k++) {
    const i = some ? Math.floor(((k + (random(k, 3) + 1) / 2) * size) / samples) : k;
    yield { where: `element ${i} at [${position(i, shape).join(', ')}]`, move: [[i, 1]] };
  }
  if (!some) return;
  const direction = Float64Array.from({ length: size }, (_, i) => random(i, 2));
  const length = norm(direction);
  yield { where: 'a random direction', move: Array.from(direction, (v, i) => [i, v / length] as [number, number]) };
}

function position(element: number, shape: readonly number[]): number[] {
  const out: number[] = [];
  let rest = element;
  for (const n of [...shape].reverse()) {
    out.unshift(rest % n);
    rest = Math.floor(rest / n);
  }
  return out;
}

function norm(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const v of values) sum += v * v;
  return Math.sqrt(sum);
}

/** A fixed number in [-1, 1) for each index. */
function random(index: number, stream: number): number {
  let h = Math.imul(index + 1, 0x9e3779b9) ^ Math.imul(stream, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 8) * 2 ** -23 - 1;
}
