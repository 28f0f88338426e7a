import { type Device, defineKernel, type Storage } from '../../device';
import { ceilDiv } from '../launch/ceil_div';
import { type Pass, passOver } from '../launch/pass';
import checkSource from './check.wgsl';
import updateSource from './update.wgsl';

const checkKernel = defineKernel('loss_scale.check', checkSource);
const updateKernel = defineKernel('loss_scale.update', updateSource);

/**
 * Looks whether all gradients are finite and moves the state of dynamic loss scaling on: (scale, good steps in a row, steps
 * skipped, what this step's gradients are to be multiplied with: 0 where the step is to be skipped).
 * @param interval good steps after which the scale is doubled.
 */
export function update(device: Device, grads: readonly Storage[], state: Storage, interval: number): void {
  const passes = grads.map((g): [Storage, Pass] => [g, passOver(device, ceilDiv(g.bytes, 16))]);
  const parts = passes.reduce((n, [, pass]) => n + pass.count, 0);
  const part = device.alloc(Math.max(1, parts) * 4, 'loss_scale.parts');
  let first = 0;
  for (const [grad, { constants, count, workgroups }] of passes) {
    device.dispatch(checkKernel, {
      buffers: { grad, part },
      params: { size: grad.bytes / 4, first },
      constants,
      workgroups,
      label: `loss_scale.check ${grad.bytes / 4}`,
    });
    first += count;
  }
  device.dispatch(updateKernel, { buffers: { part, state }, params: { parts, interval }, workgroups: [1] });
  device.free(part);
}
