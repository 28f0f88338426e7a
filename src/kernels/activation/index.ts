import helpers from './helpers.wgsl';

/** An activation in WGSL: expressions of z and, where it has one, of its number k. */
interface Formula {
  readonly value: string;
  /** The derivative by z. */
  readonly slope: string;
  /** k where nothing else is said, as in what is fused. */
  readonly k?: number;
  /** Whether the value takes an exponential, which is dear in the loop of a convolution. */
  readonly exponential?: true;
}

/**
 * Every activation there is, once: a row here works in the pointwise kernels (`F.NAME` in autograd/ops/pointwise.ts exports
 * it), behind every batch norm, and in the convolutions and pools that a norm is fused into.
 */
const TABLE = {
  none: { value: 'z', slope: 'Z(1.0)' },
  relu: { value: 'max(z, Z())', slope: 'select(Z(), Z(1.0), z > Z())' },
  leakyRelu: { value: 'select(k * z, z, z > Z())', slope: 'select(k, Z(1.0), z > Z())', k: 0.2 },
  elu: {
    value: 'select(k * (exp(min(z, Z())) - Z(1.0)), z, z > Z())',
    slope: 'select(k * exp(min(z, Z())), Z(1.0), z > Z())',
    k: 1,
    exponential: true,
  },
  sigmoid: { value: 'sigmoid(z)', slope: 'sigmoid(z) * sigmoid(-z)', exponential: true },
  tanh: {
    value: 'hyperbolic_tangent(z)',
    slope: '4.0 * sigmoid(2.0 * z) * sigmoid(-2.0 * z)',
    exponential: true,
  },
  relu6: { value: 'min(max(z, Z()), Z(6.0))', slope: 'select(Z(), Z(1.0), (z > Z()) & (z < Z(6.0)))' },
  gelu: { value: 'z * normal_share(z)', slope: 'normal_share(z) + z * normal_density(z)', exponential: true },
  swish: { value: 'z * sigmoid(z)', slope: 'sigmoid(z) * (1.0 + z * sigmoid(-z))', exponential: true },
} as const satisfies Record<string, Formula>;

/** `none` is the identity. */
export type Activation = keyof typeof TABLE;

const ROWS: readonly (readonly [string, Formula])[] = Object.entries(TABLE);

export const isActivation = (name: string): name is Activation => name in TABLE;

/** What kernels call it: the constant ACT. */
export const activationCode = (a: Activation): number => ROWS.findIndex(([name]) => name === a);

export const takesExponential = (a: Activation): boolean => (TABLE[a] as Formula).exponential ?? false;

/**
 * WGSL: `activate(z, k)` and `slope(z, k)`, its derivative, on the type that the kernel calls `on`, and `K`, the usual k. The
 * constant ACT chooses, as the kernel is compiled. All their names end in `ending`, for kernels that have two.
 */
export function activationOn(on: 'V' | 'A' | 'Y', ending = ''): string {
  const choice = (of: 'value' | 'slope'): string =>
    ROWS.map(([name, row], i) => `    case ${i}: { return ${row[of]}; } // ${name}`).join('\n');
  const usual = ROWS.map(([, { k = 0 }]) => k.toFixed(8));
  const text = `
alias Z = ${on};
const K = array<f32, ${ROWS.length}>(${usual})[ACT];
${helpers}
fn activate(z: Z, k: Z) -> Z {
  switch ACT {
${choice('value')}
    default: { return z; }
  }
}
fn slope(z: Z, k: Z) -> Z {
  switch ACT {
${choice('slope')}
    default: { return Z(1.0); }
  }
}`;
  const names = ['Z', 'K', 'ACT', ...[...text.matchAll(/fn (\w+)/g)].map(([, name]) => name)];
  return ending === '' ? text : text.replace(new RegExp(`\\b(${names.join('|')})\\b`, 'g'), `$1${ending}`);
}
