// What an adapter can do at most.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { selfCheck } from '../../src/cli/self_check';
import { openDevice } from '../../src/device/node';
import { measurePeaks } from '../../src/kernels/peaks';

const test = suite('peaks');

test('an adapter has peaks that agree with one another, and no kernel goes beyond them', async () => {
  const device = await openDevice();
  const { gflops, gbps, dispatchMicroseconds } = await measurePeaks(device);
  const reached = Math.max(...(await selfCheck(device)).map((check) => check.gflops ?? 0));
  device.destroy();
  assert.ok(reached > 0 && gflops > reached, `${gflops} GFLOP/s, a kernel ${reached}`);
  // Any machine of this century, and none for decades; more would mean work that the driver left out.
  assert.ok(gflops > 0.5 && gflops < 1e7, `${gflops} GFLOP/s`);
  assert.ok(gbps > 0.2 && gbps < 1e5, `${gbps} GB/s`);
  assert.ok(dispatchMicroseconds > 0.05 && dispatchMicroseconds < 2e4, `${dispatchMicroseconds} us a launch`);
});

test.run();
