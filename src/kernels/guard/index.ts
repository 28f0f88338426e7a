import { type Device, defineKernel, type Storage } from '../../device';
import { passesOver } from '../launch/pass';
import checkSource from './check.wgsl';
import firstSource from './first.wgsl';
import judgeSource from './judge.wgsl';
import lookSource from './look.wgsl';

const checkKernel = defineKernel('guard.check', checkSource);
const firstKernel = defineKernel('guard.first', firstSource);
const judgeKernel = defineKernel('guard.judge', judgeSource);
const lookKernel = defineKernel('guard.look', lookSource);

/** Numbers of a verdict. */
export const VERDICT_SIZE = 8;

/** What is decided about an optimizer's step, on the device: eight numbers (see judge.wgsl). */
export interface Verdict {
  readonly storage: Storage;
  /** Gradients carry a scale, which they are divided by, and which may be what spoils them. */
  readonly scaled: boolean;
}

/** Constants of kernels that a verdict decides about. */
export const guarded = (verdict: Verdict | null): { readonly GUARDED: boolean; readonly SCALED: boolean } => ({
  GUARDED: verdict !== null,
  SCALED: verdict?.scaled ?? false,
});

/** Notes whether a loss [1] is finite. */
export function look(device: Device, loss: Storage, { storage }: Verdict): void {
  device.dispatch(lookKernel, { buffers: { loss, verdict: storage }, workgroups: [1] });
}

/** part[i] = 1 where one of 4096 numbers is infinite or NaN, else 0: memory after memory. It is the caller's to free. */
function check(device: Device, numbers: readonly Storage[]): { readonly part: Storage; readonly parts: number } {
  const { passes, parts } = passesOver(device, numbers);
  const part = device.alloc(Math.max(1, parts) * 4, 'guard.parts');
  for (const { memory: x, first, constants, workgroups } of passes)
    device.dispatch(checkKernel, {
      buffers: { x, part },
      params: { size: x.bytes / 4, first },
      constants,
      workgroups,
      label: `guard.check ${x.bytes / 4}`,
    });
  return { part, parts };
}

/**
 * Decides about a step with these gradients and the losses that were looked at since the last.
 * @param interval good steps after which a scale is doubled
 * @param stop a step that is refused refuses all later ones
 */
export function judge(
  device: Device,
  grads: readonly Storage[],
  { storage, scaled }: Verdict,
  { interval, stop }: { readonly interval: number; readonly stop: boolean },
): void {
  const { part, parts } = check(device, grads);
  device.dispatch(judgeKernel, {
    buffers: { part, verdict: storage },
    params: { parts, interval },
    constants: { SCALED: scaled, STOP: stop },
    workgroups: [1],
  });
  device.free(part);
}

/** first [1], u32, becomes `number`, above 0, where a number is infinite or NaN and first was 0. */
export function noteFirst(device: Device, numbers: Storage, first: Storage, number: number): void {
  const { part, parts } = check(device, [numbers]);
  device.dispatch(firstKernel, { buffers: { part, first }, params: { parts, number }, workgroups: [1] });
  device.free(part);
}
