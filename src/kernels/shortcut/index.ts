import { type Device, defineKernel, type Storage } from '../../device';
import type { Matrix } from '../launch/matrix';
import { walk } from '../launch/walk';
import walkSource from '../launch/walk.wgsl';
import { isFew, pairs } from '../pair';
import pair from '../pair.wgsl';
import arctangent from './arctangent.wgsl';
import backwardSource from './backward.wgsl';
import finishSource from './finish.wgsl';
import forwardSource from './forward.wgsl';
import sumsSource from './sums.wgsl';

const forwardKernel = defineKernel('shortcut.forward', walkSource, pair, arctangent, forwardSource);
const backwardKernel = defineKernel('shortcut.backward', walkSource, pair, arctangent, backwardSource);
const sumsKernel = defineKernel('shortcut.sums', pair, sumsSource);
const finishKernel = defineKernel('shortcut.finish', pair, finishSource);

const describe = (m: Matrix): string => `${m.rows}x${m.channels}`;

/** y = atan(a x / s) / (a s), s = sqrt(c^2 + 1); a and c are one number each. */
export function forward(device: Device, x: Matrix, a: Storage, c: Storage, y: Matrix): void {
  const w = walk({ x, y });
  device.dispatch(forwardKernel, {
    buffers: { ...w.buffers, a, c },
    params: { ...w.params, veil: 0 },
    constants: { ...w.constants, ...pairs(w.width, false) },
    workgroups: w.workgroups,
    label: `shortcut.forward ${describe(x)}`,
  });
}

export interface ShortcutTargets {
  readonly dx: { readonly matrix: Matrix; readonly accumulate: boolean } | null;
  readonly da: { readonly storage: Storage; readonly accumulate: boolean } | null;
  readonly dc: { readonly storage: Storage; readonly accumulate: boolean } | null;
}

/** Gradients of the shortcut; those of a and c are sums over all of x, of doubled precision. */
export function backward(
  device: Device,
  { x, a, c, dy }: { x: Matrix; a: Storage; c: Storage; dy: Matrix },
  { dx, da, dc }: ShortcutTargets,
): void {
  // Some 64 workgroups: every thread is one more entry to add up.
  const each = Math.max(8, Math.ceil((x.rows * x.channels) / (4 * 64 * 64)));
  const w = walk({ x, dy, ...(dx ? { dx: dx.matrix } : {}) }, { each, exact: true });
  const scratch: Storage[] = [];
  const alloc = (bytes: number, what: string): Storage => {
    const s = device.alloc(bytes, `shortcut.${what}`);
    scratch.push(s);
    return s;
  };
  const entries = w.threads * w.width;
  const part = alloc(entries * 16, 'parts');
  const sums = da !== null || dc !== null;
  device.dispatch(backwardKernel, {
    buffers: { ...w.buffers, a, c, part, dx: dx?.matrix.storage ?? alloc(16, 'unwanted') },
    params: { dx_stride: 0, dx_offset: 0, ...w.params, accumulate: dx?.accumulate ? 1 : 0, veil: 0 },
    constants: { ...w.constants, ...pairs(w.width, isFew(x)), DX: dx !== null, SUMS: sums },
    workgroups: w.workgroups,
    label: `shortcut.backward ${describe(x)}`,
  });
  if (sums) {
    const out = alloc(64 * 16, 'sums');
    device.dispatch(sumsKernel, {
      buffers: { part, out },
      params: { entries, each: Math.ceil(entries / 64), veil: 0 },
      constants: { ...pairs(1, true), W: w.width },
      workgroups: [1],
      label: `shortcut.sums ${entries}`,
    });
    device.dispatch(finishKernel, {
      buffers: {
        part: out,
        a,
        c,
        da: da?.storage ?? alloc(4, 'unwanted'),
        dc: dc?.storage ?? alloc(4, 'unwanted'),
      },
      params: { accumulate_a: da?.accumulate ? 1 : 0, accumulate_c: dc?.accumulate ? 1 : 0, veil: 0 },
      constants: { ...pairs(1, true) },
      workgroups: [1],
      label: 'shortcut.finish',
    });
  }
  for (const s of scratch) device.free(s);
}
