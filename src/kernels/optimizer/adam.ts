import { type Device, defineKernel, type Storage } from '../../device';
import expLog from '../exp_log.wgsl';
import { guarded } from '../guard';
import { ceilDiv } from '../launch/ceil_div';
import { passOver } from '../launch/pass';
import source from './adam.wgsl';
import stepSource from './adam_step.wgsl';
import type { Rates } from './rates';

const stepKernel = defineKernel('adam.step', expLog, stepSource);
const kernel = defineKernel('adam', source);

/** A run of parameters: equal ranges of values, gradients and both averages, each filled up to 16 bytes. */
export interface AdamRun {
  readonly value: Storage;
  readonly grad: Storage;
  /** Of gradients, and of their squares. */
  readonly average: Storage;
  readonly square: Storage;
  /** Four numbers for each 256 bytes of values, the first the step count of the parameter that they are of. */
  readonly steps: Storage;
  /** Which of `steps` the run begins with. */
  readonly block: number;
}

/** One step of Adam, or of AdamW where the weight decay is `decoupled`. A group's rates are (lr, weight decay, 0, 0). */
export function adam(
  device: Device,
  { block, steps, ...run }: AdamRun,
  { rates, group, verdict }: Rates,
  {
    betas,
    eps,
    decoupled,
  }: { readonly betas: readonly [number, number]; readonly eps: number; readonly decoupled: boolean },
): void {
  const guard = guarded(verdict);
  const buffers = { steps, verdict: verdict?.storage ?? device.none };
  const count = ceilDiv(run.grad.bytes, 256);
  const blocks = passOver(device, count);
  const [log_beta1, log_beta2] = betas.map((beta) => Math.max(Math.log(beta), -1000));
  device.dispatch(stepKernel, {
    buffers,
    params: { size: count, first: block, log_beta1, log_beta2 },
    constants: { ...blocks.constants, GUARDED: guard.GUARDED },
    workgroups: blocks.workgroups,
    label: `adam.step ${count}`,
  });
  const size = ceilDiv(run.grad.bytes, 16);
  const { constants, workgroups } = passOver(device, size);
  const [beta1, beta2] = betas;
  device.dispatch(kernel, {
    buffers: { ...run, ...buffers, rates },
    params: { size, group, first: block, beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, eps },
    constants: { ...constants, DECOUPLED: decoupled, ...guard },
    workgroups,
    label: `adam ${size}`,
  });
}
