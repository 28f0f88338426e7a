import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { choose } from '../variant';
import broadcast from './broadcast.wgsl';
import forwardSource from './forward.wgsl';
import loaded from './loaded.wgsl';

const broadcastKernel = defineKernel('conv_pool.broadcast', broadcast, forwardSource);
const loadedKernel = defineKernel('conv_pool.loaded', loaded, forwardSource);

/**
 * y = leaky(max_pool2d(conv2d(x, weight) + bias, 2)), a 3x3 convolution without padding, in one pass that stores nothing else: for the first
 * layer of a network, whose few channels leave a matrix product idle, and whose maps are the largest.
 * x: n * h * w rows of ci, at most 4; weight [tap][ci][co]; y: n * floor((h - 2) / 2) * floor((w - 2) / 2) rows of co, a multiple of 4.
 * @param slope of leaky, 0 to 1
 */
export function forward(
  device: Device,
  { n, h, w, ci, co }: Readonly<Record<'n' | 'h' | 'w' | 'ci' | 'co', number>>,
  buffers: Readonly<Record<'x' | 'weight' | 'bias' | 'y', Storage>>,
  slope: number,
): void {
  const { variant, lanes } = choose(device);
  const onCpu = variant === 'subgroup';
  const LANES = onCpu ? lanes : 64;
  const [oh, ow] = [(h - 2) >> 1, (w - 2) >> 1];
  // A CPU driver's workgroup goes along a whole line of y.
  const runs = onCpu ? 1 : ceilDiv(ow, LANES);
  device.dispatch(onCpu ? broadcastKernel : loadedKernel, {
    buffers,
    params: { h, w, oh, ow, columns: co / 4, step: runs * LANES, slope },
    constants: { LANES, C: ci },
    workgroups: [runs, oh, n],
    label: `conv_pool ${ci}>${co} ${n}x${oh}x${ow}`,
    flop: 2 * 9 * ci * co * n * 4 * oh * ow,
    bytes: 4 * n * (h * w * ci + oh * ow * co),
  });
}
