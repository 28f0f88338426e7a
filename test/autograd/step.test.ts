import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { add, mul, step, type Tensor, tensor } from '../../src/autograd';
import { mockDevice } from '../mock_gpu';

// The rules of `step`, on a mock.
const test = suite('step');
const N = 1 << 16; // 256 KiB: worth freeing early

test('an async function is refused by name before anything runs', async () => {
  const { device } = await mockDevice();
  let ran = false;
  async function trainBatch(): Promise<void> {
    ran = true;
  }
  assert.throws(() => step(device, trainBatch), /step takes a function.*AsyncFunction trainBatch.*await outside/);
  assert.throws(() => step(device, async () => 1), /AsyncFunction/);
  assert.throws(
    () =>
      step(device, function* steps() {
        yield 1;
      }),
    /GeneratorFunction steps/,
  );
  assert.is(ran, false);
  assert.is(device.scoped, false);
});

test('a promise of numbers that were read inside is a result like any other', async () => {
  const { device } = await mockDevice();
  const read = step(device, () => tensor(device, [1, 2, 3], [3]).data());
  assert.equal(Array.from(await read), [1, 2, 3]);
});

test('what is returned lives, also in arrays and objects and as a view; all else is gone by name', async () => {
  const { device } = await mockDevice();
  let inner: Tensor | undefined;
  const { a, list } = step(device, () => {
    inner = tensor(device, new Float32Array(N), [N], { name: 'inner' });
    return { a: add(inner, inner), list: [mul(inner, inner).view([256, 256], 'plain')] };
  });
  await a.data();
  await list[0].data();
  let error: unknown;
  await (inner as Tensor).data().catch((e) => {
    error = e;
  });
  assert.match(String(error), /inner:65536 is gone/);
});

test('a result that was freed inside throws by name, and shares no memory with what comes after', async () => {
  const { device } = await mockDevice();
  const y = step(device, () => {
    const t = tensor(device, new Float32Array(N), [N], { name: 'hidden' });
    device.free(t.storage);
    return t;
  });
  const a = tensor(device, new Float32Array(N), [N], { name: 'a' });
  assert.is(a.storage.block, y.storage.block);
  assert.throws(() => add(y, a), /hidden:65536, which is gone/);
  device.free(y.storage);
  const b = tensor(device, new Float32Array(N), [N], { name: 'b' });
  assert.is.not(b.storage.block, a.storage.block);
});

test.run();
