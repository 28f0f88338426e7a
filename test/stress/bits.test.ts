// The same bits whatever happens beside a training, and no memory kept of what fails.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  backward,
  type Device,
  DeviceLost,
  matmul,
  mul,
  noGrad,
  openDevice,
  record,
  step,
} from '../../src/engine_node';
import { collectGarbage } from '../autograd/helpers';
import { device } from '../gpu';
import { STEPS, Training } from './training';

const test = suite('stress: bits');
const WHOLE = process.env.WHOLE === '1';

const pause = (): Promise<void> => new Promise((done) => setTimeout(done, 5));

/** Bytes in use, once all that nothing refers to has come back. */
async function live(of: Device): Promise<number> {
  for (let i = 0; i < 3; i++) {
    collectGarbage();
    await pause();
  }
  return of.stats().live;
}

test('garbage collected between the steps of a training and within them', async () => {
  const steps = WHOLE ? 200 : 8;
  const expected = await new Training(device).run(steps);
  assert.is(await new Training(device).run(steps, collectGarbage), expected);
});

test('two devices at once, and one of them closed while its loss is read', async () => {
  const expected = await new Training(device).run(STEPS);
  const [a, b] = [new Training(await openDevice()), new Training(await openDevice())];
  assert.equal(await Promise.all([a.run(STEPS), b.run(STEPS)]), [expected, expected]);
  const reading = [a.step(STEPS), b.step(STEPS)];
  a.device.destroy();
  const [gone, there] = await Promise.allSettled(reading);
  assert.instance((gone as PromiseRejectedResult).reason, DeviceLost);
  assert.is(there.status, 'fulfilled');
  b.device.destroy();
});

/** What goes wrong in the middle of a step. */
const failures: Record<string, (t: Training) => void> = {
  forward: (t) => {
    t.net.middle = (x) => matmul(x, x);
    t.loss(STEPS);
  },
  backward: (t) => {
    t.net.middle = (x) => {
      const y = noGrad(() => mul(x, 1));
      record('fails', [x], [y], () => {
        throw new Error('in the middle');
      });
      return y;
    };
    backward(t.loss(STEPS));
  },
};

for (const [name, fail] of Object.entries(failures))
  test(`an error in the middle of ${name} leaves no trace but the statistics of its batch`, async () => {
    const [failed, whole] = [new Training(device), new Training(device)];
    for (const t of [failed, whole]) await t.run(STEPS);
    const before = await live(device);
    const { middle } = failed.net;
    assert.throws(() => step(device, () => fail(failed)));
    failed.net.middle = middle;
    step(device, () => void whole.loss(STEPS));
    assert.is(await failed.run(STEPS), await whole.run(STEPS));
    assert.is(await live(device), before);
  });

test.run();
