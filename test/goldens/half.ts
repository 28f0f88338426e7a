// Activations stored as f16: a single op rounds what it stores and nothing else, a module is within what so many roundings make.
import { tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import { runCase } from './case';
import { type Check, distance, failure, type Numbers, part } from './compare';
import { Fixture } from './fixture';
import { moduleOf } from './modules';
import { OPS } from './ops';
import type { Result } from './results';

/** Half a unit in the last place: f16 has 11 digits. */
export const UNIT = 2 ** -11;
/** Half the smallest number above 0. */
const LEAST = 2 ** -25;

/** The ops that keep activations in their input's type. */
export const KEEPING: ReadonlySet<string> = new Set([
  ...['conv2d', 'batchnorm', 'relu', 'elu', 'leaky_relu', 'maxpool', 'avgpool', 'concat', 'pad_channels', 'shortcut'],
  ...['global_avgpool', 'relu6', 'gelu', 'swish', 'sigmoid', 'resize_bilinear'],
]);

/** Modules that are no trunk take f32. */
const isTrunk = (fixture: Fixture): boolean => fixture.op === 'module' && !fixture.meta.case?.includes('head');

/** Whether a fixture says anything of f16. */
export const concernsHalf = (fixture: Fixture): boolean => KEEPING.has(fixture.op) || isTrunk(fixture);

/** Compares an op with itself in f32, a module with PyTorch. */
export const checkHalf = (device: Device, fixture: Fixture): Promise<Check[]> =>
  isTrunk(fixture) ? checkModule(device, fixture) : checkRounded(device, fixture);

/** The fixture with what f16 will hold rounded already. */
async function rounded(device: Device, fixture: Fixture): Promise<Fixture> {
  const tensors = new Map(fixture.tensors);
  for (const prefix of ['in.', 'up.'])
    for (const name of fixture.inputs(prefix)) {
      if (prefix === 'in.' && !/^x\d*$/.test(name)) continue;
      const { shape, data } = fixture.input(prefix + name);
      const flat = tensor(device, data, [data.length], { dtype: 'f16' });
      tensors.set(prefix + name, { dtype: 'F32', shape, data: await flat.data() });
    }
  return new Fixture(fixture.name, tensors, fixture.meta);
}

/** Whether a result is stored as f16; a global average is f32. */
const isActivation = (op: string, name: string): boolean =>
  (name === 'out.y' && op !== 'global_avgpool') || /^grad\.x\d*$/.test(name);

async function checkRounded(device: Device, given: Fixture): Promise<Check[]> {
  const fixture = await rounded(device, given);
  const run = OPS[fixture.op];
  const [single, found] = [await runCase(device, fixture, run), await runCase(device, fixture, run, 'f16')];
  return [...single].map(([name, { data }]) => {
    const half = found.get(name);
    return half ? roundedOnce(name, data, half.data, isActivation(fixture.op, name)) : failure(name, 'not in f16');
  });
}

/** Whether `found` is `single` as f16 rounds it, or the very same where it is stored as f32. */
function roundedOnce(tensor: string, single: Numbers, found: Numbers, stored: boolean): Check {
  const expected = Array.from(single);
  // A compiler may fuse a multiplication with an addition here and not there.
  const slack = 1e-6 * expected.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
  let [maxAbs, fraction] = [0, 0];
  expected.forEach((v, i) => {
    const off = Math.abs(found[i] - v);
    const room = stored ? UNIT * Math.abs(v) + LEAST : 0;
    maxAbs = Math.max(maxAbs, off);
    fraction = Math.max(fraction, part(off, room + slack));
  });
  return { tensor, maxAbs, relL2: distance(found, single).relL2, own: 0, fraction };
}

/**
 * Errors of rounding are independent: n of them make sqrt(n) of one. The modules store 30 maps on their longest path, forward and
 * backward, and half as much again is for what amplifies them. A gradient that is one number is what is left of a sum.
 */
const DEPTH = 1.5 * Math.sqrt(30) * UNIT;
const ONE_NUMBER = 4 * DEPTH;
/** Where a ReLU or a maximum turns over, gradients differ by the root of the share of those that do: of 1 %. */
const FLIPPED = 0.1;
/** Results that a module has at least. */
const COMPARED = 5;

async function checkModule(device: Device, fixture: Fixture): Promise<Check[]> {
  const name = fixture.meta.case ?? '';
  const results = await runCase(device, fixture, moduleOf(name), 'f16');
  // A convolution's bias in front of a batch norm has no gradient in truth.
  const known = ([result]: [string, Result]) => fixture.has(`${result}.f64ref`) && !result.endsWith('_conv0.bias');
  const checks = [...results].filter(known).map(([tensor, { data }]) => {
    const { relL2, maxAbs } = distance(data, fixture.numbers(`${tensor}.f64ref`));
    const smooth = tensor.startsWith('out.') || name.includes('breg');
    const limit = smooth ? (data.length > 1 ? DEPTH : ONE_NUMBER) : FLIPPED;
    return { tensor, maxAbs, relL2, own: 0, fraction: part(relL2, limit) };
  });
  return checks.length >= COMPARED ? checks : [...checks, failure('-', `compares ${checks.length} results alone`)];
}
