import { randomStream, randomUniform } from '../base/random';

/** How a parameter starts. `fan_in` is what one output sums over: input channels times kernel area. */
export type Initialiser =
  /** Set by its owner: initialising leaves it alone. */
  | { readonly kind: 'given' }
  | { readonly kind: 'constant'; readonly value: number }
  /** Uniform in [-bound, bound). */
  | { readonly kind: 'uniform'; readonly bound: number }
  /** Normal with standard deviation sqrt(2 / fan_in) (He et al. 2015): torchvision's DenseNet. */
  | { readonly kind: 'kaiming_normal' }
  /** Uniform with bound sqrt(6 / fan_in): the same for ReLU networks. */
  | { readonly kind: 'kaiming_uniform' };

export const constant = (value: number): Initialiser => ({ kind: 'constant', value });
export const uniform = (bound: number): Initialiser => ({ kind: 'uniform', bound });

/** The starting numbers of parameter `name`: the same for the same name, shape and seed. */
export function initialise(
  init: Exclude<Initialiser, { kind: 'given' }>,
  shape: readonly number[],
  name: string,
  seed: number,
): Float32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  const fanIn = size / shape[0];
  const stream = randomStream(`init/${name}`, seed);
  const numbers = new Float32Array(size);
  // Millions of numbers: plain loops take a fraction of the time of `from`.
  switch (init.kind) {
    case 'constant':
      return numbers.fill(init.value);
    case 'uniform':
    case 'kaiming_uniform': {
      const bound = init.kind === 'uniform' ? init.bound : Math.sqrt(6 / fanIn);
      for (let i = 0; i < size; i++) numbers[i] = bound * (2 * randomUniform(stream, i) - 1);
      return numbers;
    }
    case 'kaiming_normal': {
      const deviation = Math.sqrt(2 / fanIn);
      for (let i = 0; i < size; i++) {
        // Box and Muller; 1 - u is never 0.
        const radius = Math.sqrt(-2 * Math.log(1 - randomUniform(stream, 2 * i)));
        numbers[i] = deviation * radius * Math.cos(2 * Math.PI * randomUniform(stream, 2 * i + 1));
      }
      return numbers;
    }
  }
}
