// A WebGPU error that nobody captures fails the test in which it happens: proven with a file of tests that have such errors.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tree, testOf } from '../tree';

const FILE = 'test/device/errors.test.ts';
const WITH_ERRORS = `import { test } from 'uvu';
import { openDevice } from '../../src/device/node';
import { uncaptured } from '../attended';
import { device } from '../gpu';
import { mockDevice } from '../mock_gpu';

const wrong = (gpu: GPUDevice) => void gpu.createBuffer({ label: 'wrong', size: 3, usage: GPUBufferUsage.MAP_WRITE | GPUBufferUsage.MAP_READ });
let own = device;

test('good', () => {});
test('shared', () => wrong(device.gpu));
test('good after shared', () => device.wait());
test('own', async () => {
  own = await openDevice();
  wrong(own.gpu);
});
test('good after own', () => {});
test('destroyed', async () => {
  const gone = await openDevice();
  wrong(gone.gpu);
  gone.destroy();
});
test('mock', async () => {
  const { gpu } = await mockDevice();
  gpu.fail('wrong');
});
test('on purpose', async () => {
  wrong(own.gpu);
  if ((await uncaptured()).length === 0) throw new Error('none');
});
test.run();
`;

test('an uncaptured error fails the test in which it happens, whoever has opened the device, and no other', async () => {
  const tree = new Tree();
  try {
    tree.write(FILE, WITH_ERRORS);
    const { verdict, output } = await tree.run(testOf(FILE), 120);
    const failed = [...output.matchAll(/FAIL {2}"(.*)"\n\s*WebGPU errors that nobody captured/g)].map(
      ([, name]) => name,
    );
    assert.equal(failed, ['shared', 'own', 'destroyed', 'mock'], output);
    assert.match(output, '4 passed, 4 failed, 0 skipped');
    assert.is(verdict, 'failed');
  } finally {
    tree.remove();
  }
});

test.run();
