import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import { DeviceLost } from '../../src/device';
import { fitMemory } from '../../src/train/loop/fit_memory';
import { readRun, readWeights } from '../../src/train/run/read_run';
import type { TrainArgs } from '../../src/train/settings/args';
import { AUTO } from '../../src/train/settings/optimization';
import { mockDevice } from '../mock_gpu';
import { mockRun, dir as mocks } from './mock_session';

const test = suite('fit memory');
const MIB = 2 ** 20;

interface Asked {
  readonly grantedMib?: number;
  readonly images?: number;
  readonly reservedMib?: number;
  /** Of a GPU: what its driver has. */
  readonly memoryMib?: number;
}

/** What is said of a step that takes 50 MiB and 10 an image, and the batch size; where nothing is granted, by the device alone. */
async function fitted(batch_size: number, asked: Asked = {}, more: Partial<TrainArgs> = {}): Promise<[string, number]> {
  const { grantedMib, images, reservedMib = 0, memoryMib } = asked;
  const { device, gpu } = await mockDevice({ memory: memoryMib && memoryMib * MIB });
  const memoryOf = (n: number): number => {
    const bytes = (50 + 10 * n) * MIB;
    if (bytes > device.pool.budget || n > 1000) throw new MachineError('too much');
    return bytes;
  };
  const args = { batch_size, image_size: 112, model: 'emotion_gcn', ...more } as TrainArgs;
  const bytes = (grantedMib ?? 0) * MIB;
  const grant = grantedMib === undefined ? null : { left: bytes, bytes, by: 'what is there' };
  const lines: string[] = [];
  const options = { grant, images, reserved: reservedMib * MIB };
  const before = gpu.alive.bytes;
  try {
    const size = await fitMemory(device, args, memoryOf, (line) => lines.push(line), options);
    return [lines.join(), size];
  } catch (error) {
    assert.instance(error, InputError);
    return [(error as Error).message, Number.NaN];
  } finally {
    assert.is(gpu.alive.bytes, before, 'what was tried is given back');
  }
}
const said = async (...asked: Parameters<typeof fitted>): Promise<string> => (await fitted(...asked))[0];

test('a step that fits is said', async () => {
  assert.equal(await fitted(35, { grantedMib: 400 }), ['a step of 35 images takes 400 MiB of device memory', 35]);
  assert.equal(await fitted(1000), ['a step of 1000 images takes 10050 MiB of device memory', 1000]);
});

test('one that does not is refused with need, grant, and the batch size that fits, with a tenth to spare', async () => {
  assert.is(
    await said(36, { grantedMib: 400 }),
    '--batch_size 36 at 112 pixels needs 410 MiB, this adapter grants 400 MiB (what is there): --batch_size 31 fits',
  );
  assert.match(await said(200, { grantedMib: 1500 }), 'needs 2.0 GiB, this adapter grants 1.5 GiB (what is there)');
  assert.is(
    await said(2000),
    '--batch_size 2000 at 112 pixels needs more than it can bind, this adapter has no room for it: --batch_size 1000 fits',
  );
});

test('what a checkpoint is read to is part of the need', async () => {
  assert.match(await said(35, { grantedMib: 399, reservedMib: 0 }), 'needs 400 MiB');
  assert.is(
    await said(25, { grantedMib: 400, reservedMib: 100 }),
    'a step of 25 images takes 300 MiB of device memory',
  );
  assert.match(await said(26, { grantedMib: 400, reservedMib: 100 }), 'needs 410 MiB, this adapter grants 400 MiB');
});

test('of a GPU its memory is tried', async () => {
  assert.is((await fitted(100, { memoryMib: 1100 }))[1], 100);
  assert.match(
    await said(110, { memoryMib: 1100 }),
    /needs 1\.1 GiB, this adapter has no room for it: --batch_size 10[0-5] fits/,
  );
});

test('auto takes what fits, at most 256 and the training set', async () => {
  assert.equal(await fitted(AUTO, { grantedMib: 400 }), [
    '--batch_size auto: a step of 31 images takes 360 MiB of device memory',
    31,
  ]);
  assert.is((await fitted(AUTO, { grantedMib: 400, reservedMib: 60 }))[1], 25);
  assert.is((await fitted(AUTO, { grantedMib: 9000 }))[1], 256);
  assert.is((await fitted(AUTO, { grantedMib: 9000, images: 20 }))[1], 20);
  assert.is((await fitted(AUTO, { memoryMib: 1100 }))[1] > 95, true);
  assert.match(await said(AUTO, { grantedMib: 60 }), '--batch_size 2 at 112 pixels needs 70 MiB');
});

test('where none does, what the smallest takes is said: two images, where CCC is to be had', async () => {
  assert.match(await said(35, { grantedMib: 60 }), 'no batch size fits (2 take 70 MiB): use a smaller --image_size');
  assert.match(await said(35, { grantedMib: 59 }, { model: 'single_task' }), 'no batch size fits (1 take 60 MiB)');
});

test('memory that runs out all the same ends the run with a batch size to try; its checkpoint is kept', async () => {
  const { session, gpu } = await mockRun('crowded', { epochs: 1, batch_size: 8 });
  // What has begun had room: now others take the rest.
  Object.assign(Reflect.get(gpu, 'options'), { memory: gpu.alive.bytes });
  const error = await session.run().catch((e) => e);
  assert.instance(error, MachineError);
  assert.match(error.message, /the GPU is out of memory.* or start again with --batch_size 6$/);
  assert.ok(readWeights(readRun(join(mocks, 'crowded')), 'last').tensors.size > 0);
});

test('a device that is lost is not taken for a batch too large', async () => {
  const { device } = await mockDevice();
  const lost = () => {
    throw new DeviceLost('gone');
  };
  const args = { batch_size: 8, image_size: 112, model: 'single_task' } as TrainArgs;
  const error = await fitMemory(device, args, lost, () => {}, { grant: null }).catch((e) => e);
  assert.instance(error, DeviceLost);
});

test.run();
