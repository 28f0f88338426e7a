import { type Device, defineKernel, type Storage } from '../device';
import { type Axis, mergeAxes, stepsOf } from './axes';
import { ceilDiv, GRID_X, grid, vectorType } from './matrix';
import source from './reduce.wgsl';

const kernel = defineKernel('reduce', source);
/** Elements of a partial sum. */
const CHUNK = 64;

export interface Reduction {
  readonly x: { readonly storage: Storage; readonly offset: number };
  readonly y: { readonly storage: Storage; readonly offset: number };
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
  const part = device.alloc(parts * outputs * 4, 'reduce.parts');
  let stride = outputs;
  const inParts = r.kept.map((axis) => {
    stride /= axis.size;
    return { size: axis.size, strides: [axis.strides[0], stride] };
  });
  launch(
    device,
    { x: r.x, y: { storage: part, offset: 0 }, kept: inParts, reduced, scale: 1, accumulate: false },
    parts,
  );
  reduce(device, {
    ...r,
    x: { storage: part, offset: 0 },
    kept: r.kept.map((axis, i) => ({ size: axis.size, strides: [inParts[i].strides[1], axis.strides[1]] })),
    reduced: [{ size: parts, strides: [outputs] }],
  });
  device.free(part);
}

function launch(device: Device, r: Required<Reduction>, parts: number): void {
  const width = widthOf(r);
  const cut = (axes: readonly Axis[]): Axis[] => axes.map((a) => ({ ...a, strides: a.strides.map((s) => s / width) }));
  const narrow = r.kept.map((a, i) =>
    width === 4 && i === r.kept.length - 1 ? { size: a.size / 4, strides: [4, 4] } : a,
  );
  const [k0, k1, k2, k3] = mergeAxes(cut(narrow), 4, 2);
  const [r0, r1, r2, r3] = mergeAxes(cut(r.reduced), 4, 1);
  const outputs = stepsOf([k0, k1, k2, k3]);
  device.dispatch(kernel, {
    buffers: { x: r.x.storage, y: r.y.storage },
    params: {
      ...{ outputs, parts, reduced: stepsOf(r.reduced), part_stride: outputs },
      ...{ x_offset: r.x.offset / width, y_offset: r.y.offset / width },
      ...{ k1: k1.size, k2: k2.size, k3: k3.size },
      ...{ kx0: k0.strides[0], kx1: k1.strides[0], kx2: k2.strides[0], kx3: k3.strides[0] },
      ...{ ky0: k0.strides[1], ky1: k1.strides[1], ky2: k2.strides[1], ky3: k3.strides[1] },
      ...{ r1: r1.size, r2: r2.size, r3: r3.size },
      ...{ rx0: r0.strides[0], rx1: r1.strides[0], rx2: r2.strides[0], rx3: r3.strides[0] },
      ...{ scale: r.scale, accumulate: r.accumulate ? 1 : 0 },
    },
    constants: { V: vectorType(width), GRID_X },
    workgroups: grid(ceilDiv(outputs * parts, 64)),
    label: `reduce ${outputs * width}x${stepsOf(r.reduced)}`,
  });
}

/** 4 where the innermost kept axis is contiguous on both sides and everything else moves by multiples of 4. */
function widthOf({ x, y, kept, reduced }: Required<Reduction>): 4 | 1 {
  const inner = kept.at(-1);
  if (!inner || inner.size % 4 !== 0 || inner.strides.some((s) => s !== 1)) return 1;
  const others = [...kept.slice(0, -1), ...reduced].flatMap((a) => [...a.strides]);
  return [x.offset, y.offset, ...others].every((s) => s % 4 === 0) ? 4 : 1;
}
