import { type Device, defineKernel } from '../device';
import { type Axis, axesWidth, inVectors, mergeAxes, stepsOf } from './launch/axes';
import axesSource from './launch/axes.wgsl';
import { ceilDiv } from './launch/ceil_div';
import { type Elements, vectorType } from './launch/matrix';
import source from './reduce.wgsl';

const kernel = defineKernel('reduce', axesSource, source);
/** Elements of a partial sum. */
const CHUNK = 64;
/** From this many sums on there are threads enough for several a thread. */
const MANY = 1 << 15;

export interface Reduction {
  readonly x: Elements;
  readonly y: Elements;
  /** Axes that y has, outermost first, with strides (in x, in y). */
  readonly kept: readonly Axis[];
  /** Axes that are summed over, outermost first, with strides (in x). */
  readonly reduced?: readonly Axis[];
  readonly scale?: number;
  readonly accumulate: boolean;
}

/**
 * y[o] (+)= scale * sum over j of x[o, j]: partial sums of 64, again in sums of 64, until one is left. Without reduced
 * axes it copies between any two strided layouts, and repeats x where a stride of x is 0.
 * Kept and reduced axes must each merge to at most four.
 */
export function reduce(device: Device, r: Reduction): void {
  const { reduced = [], scale = 1 } = r;
  const total = stepsOf(reduced);
  const parts = ceilDiv(total, CHUNK);
  if (parts === 1) {
    launch(device, { ...r, reduced, scale }, 1);
    return;
  }
  const outputs = stepsOf(r.kept);
  const storage = device.alloc(parts * outputs * 4, 'reduce.parts');
  const part: Elements = { storage, offset: 0, dtype: 'f32' };
  let stride = outputs;
  const inParts = r.kept.map((axis) => {
    stride /= axis.size;
    return { size: axis.size, strides: [axis.strides[0], stride] };
  });
  launch(device, { x: r.x, y: part, kept: inParts, reduced, scale: 1, accumulate: false }, parts);
  reduce(device, {
    ...r,
    x: part,
    kept: r.kept.map((axis, i) => ({ size: axis.size, strides: [inParts[i].strides[1], axis.strides[1]] })),
    reduced: [{ size: parts, strides: [outputs] }],
  });
  device.free(storage);
}

function launch(device: Device, r: Required<Reduction>, parts: number): void {
  const aside = r.reduced.flatMap((a) => [...a.strides]);
  const width = axesWidth(r.kept, [r.x.offset, r.y.offset, ...aside]);
  const { rank: kRank, axes: k } = mergeAxes(inVectors(r.kept, width), 2);
  const reduced = r.reduced.map((a) => ({ size: a.size, strides: a.strides.map((s) => s / width) }));
  const { rank: rRank, axes: j } = mergeAxes(reduced, 1);
  const outputs = stepsOf(k);
  const each = outputs * parts > MANY ? 4 : 1;
  device.dispatch(kernel, {
    buffers: { x: r.x.storage, y: r.y.storage },
    params: {
      ...{ outputs, parts, reduced: stepsOf(r.reduced), part_stride: outputs },
      ...{ x_offset: r.x.offset / width, y_offset: r.y.offset / width },
      ...{ k_rank: kRank, k1: k[1].size, k2: k[2].size, k3: k[3].size },
      ...{ kx0: k[0].strides[0], kx1: k[1].strides[0], kx2: k[2].strides[0], kx3: k[3].strides[0] },
      ...{ ky0: k[0].strides[1], ky1: k[1].strides[1], ky2: k[2].strides[1], ky3: k[3].strides[1] },
      ...{ r_rank: rRank, r1: j[1].size, r2: j[2].size, r3: j[3].size },
      ...{ rx0: j[0].strides[0], rx1: j[1].strides[0], rx2: j[2].strides[0], rx3: j[3].strides[0] },
      ...{ scale: r.scale, accumulate: r.accumulate ? 1 : 0 },
    },
    constants: {
      V: vectorType(width),
      S: vectorType(width, r.x.dtype),
      D: vectorType(width, r.y.dtype),
      EACH: each,
    },
    workgroups: [ceilDiv(outputs * parts, 64 * each)],
    label: `reduce ${outputs * width}x${stepsOf(r.reduced)}`,
  });
}
