import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { DeviceLost } from '../../src/device';
import { fitMemory } from '../../src/train/loop/fit_memory';
import type { TrainArgs } from '../../src/train/settings/args';
import { mockDevice } from '../mock_gpu';

const test = suite('fit memory');
const MIB = 2 ** 20;

/** What is said of a step that takes 50 MiB and 10 an image, where so much is granted; null: by the device alone. */
async function said(batch_size: number, grantedMib: number | null, more: Partial<TrainArgs> = {}): Promise<string> {
  const { device } = await mockDevice();
  const memoryOf = (n: number): number => {
    const bytes = (50 + 10 * n) * MIB;
    if (bytes > device.pool.budget || n > 1000) throw new MachineError('too much');
    return bytes;
  };
  const args = { batch_size, image_size: 112, model: 'emotion_gcn', ...more } as TrainArgs;
  const bytes = (grantedMib ?? 0) * MIB;
  const grant = grantedMib === null ? null : { left: bytes, bytes, by: 'what is there' };
  let line = '';
  try {
    fitMemory(device, args, memoryOf, (l) => (line = l), grant);
  } catch (error) {
    assert.instance(error, InputError);
    line = (error as Error).message;
  }
  return line;
}

test('a step that fits is said', async () => {
  assert.is(await said(35, 400), 'a step of 35 images takes 400 MiB of device memory');
  assert.is(await said(1000, null), 'a step of 1000 images takes 10050 MiB of device memory');
});

test('one that does not is refused with the batch size that does, with a tenth to spare', async () => {
  assert.is(await said(36, 400), '--batch_size 36 at 112 pixels takes more than what is there; --batch_size 31 does');
  assert.is(
    await said(2000, null),
    "--batch_size 2000 at 112 pixels takes more than this adapter's memory; --batch_size 1000 does",
  );
});

test('where none does, what the smallest takes is said: two images, where CCC is to be had', async () => {
  assert.match(await said(35, 60), 'no batch size does (2 take 70 MiB): use a smaller --image_size');
  assert.match(await said(35, 60, { model: 'single_task' }), 'no batch size does (1 take 60 MiB)');
});

test('a device that is lost is not taken for a batch too large', async () => {
  const { device } = await mockDevice();
  const lost = () => {
    throw new DeviceLost('gone');
  };
  const args = { batch_size: 8, image_size: 112, model: 'single_task' } as TrainArgs;
  assert.throws(
    () => fitMemory(device, args, lost, () => {}, null),
    (e: Error) => e instanceof DeviceLost,
  );
});

test.run();
