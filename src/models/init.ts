import { randomStream, randomUniform } from '../data/random';

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
  const symmetric = (bound: number) => (_: unknown, i: number) => bound * (2 * randomUniform(stream, i) - 1);
  switch (init.kind) {
    case 'constant':
      return new Float32Array(size).fill(init.value);
    case 'uniform':
      return Float32Array.from({ length: size }, symmetric(init.bound));
    case 'kaiming_uniform':
      return Float32Array.from({ length: size }, symmetric(Math.sqrt(6 / fanIn)));
    case 'kaiming_normal': {
      const deviation = Math.sqrt(2 / fanIn);
      return Float32Array.from({ length: size }, (_, i) => {
        // Box and Muller; 1 - u is never 0.
        const radius = Math.sqrt(-2 * Math.log(1 - randomUniform(stream, 2 * i)));
        return deviation * radius * Math.cos(2 * Math.PI * randomUniform(stream, 2 * i + 1));
      });
    }
  }
}
