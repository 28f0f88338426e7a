import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { doctor } from '../../src/cli/doctor';
import { selfCheck } from '../../src/cli/self_check';
import { openDevice } from '../../src/device/node';
import { choose } from '../../src/kernels/variant';

const test = suite('doctor');

test('the report names the adapter, its driver, features, limits and kernels, and passes', async () => {
  const lines: string[] = [];
  const healthy = await doctor(undefined, (line) => lines.push(line));
  const report = lines.join('\n');
  assert.is(healthy, true, report);
  const device = await openDevice();
  for (const part of [device.info.description, choose(device).variant, 'shader-f16', 'binding', 'invocations'])
    assert.ok(report.includes(part), `${part}:\n${report}`);
  assert.match(report, /matrix product +right, [\d.]+ GFLOP\/s/);
  assert.match(report, 'Training works here.');
  device.destroy();
});

test('a GPU that computes nothing, and one that is off by a little, are found out', async () => {
  const device = await openDevice();
  const dispatch = device.dispatch.bind(device);
  device.dispatch = () => {};
  for (const { name, error } of await selfCheck(device)) assert.ok(error > 0, name);

  device.dispatch = dispatch;
  const read = device.readAll.bind(device);
  device.readAll = async (storages) => {
    const all = await read(storages);
    for (const buffer of all) new Float32Array(buffer)[7] += 1 / 64;
    return all;
  };
  for (const { name, error } of await selfCheck(device)) assert.is(error, 1 / 64, name);
  device.destroy();
});

test('an adapter that there is not is wrong input', async () => {
  const error = await doctor('riva tnt', () => {}).then(
    () => undefined,
    (e) => e,
  );
  assert.instance(error, InputError);
});

test.run();
