// A network of other classes on the backbone of another, as a page teaches it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { FaceNetwork } from '../../src/browser/network';
import { buildModel, sharedName } from '../../src/models';
import { mockDevice } from '../mock_gpu';

const { device } = await mockDevice();
const same = (a: ArrayBufferView, b?: ArrayBufferView): boolean =>
  b !== undefined && Buffer.from(a.buffer).equals(Buffer.from(b.buffer));
const CLASSES = ['calm', 'keen', 'odd'];

/** Whose names of the backbone differ from those of `single_task`, and one of each other network. */
const PAIRS = [
  ...(['single_task', 'multi_task', 'emotion_gcn'] as const).map((model) => [model, 'bregnext'] as const),
  ...([
    ['multi_task', 'densenet'],
    ['emotion_gcn', 'denselite'],
    ['single_task', 'mobilenet'],
  ] as const),
];

for (const [model, network] of PAIRS)
  test(`${model} on ${network}: all of the backbone is taken, and nothing else`, async () => {
    const imageSize = 96;
    const args = { model, network, image_size: imageSize, classes: CLASSES, align: false } as const;
    const from = new FaceNetwork(
      buildModel(device, { model, network, imageSize, classes: 3, A: new Float32Array(25).fill(1) }).initialise(7),
      args,
    );
    const other = await from.withClasses(['night', 'day', 'dusk']);
    assert.equal(other.args, { ...args, model: 'single_task', classes: ['night', 'day', 'dusk'] });
    assert.is(other.model.training, false);
    const theirs = new Map([...(await from.model.stateDict())].map(([name, entry]) => [sharedName(name), entry]));
    const own = await other.model.stateDict();
    const heads = [...own.keys()].filter((name) => /^(classifier|_fc0)\./.test(name));
    assert.is(heads.length, 2);
    let taken = 0;
    for (const [name, { shape, data }] of own) {
      const before = theirs.get(sharedName(name));
      if (!heads.includes(name)) {
        assert.ok(same(data, before?.data), name);
        taken++;
      } else if (before && shape.join() === before.shape.join()) assert.not(same(data, before.data), name);
    }
    assert.is(taken, own.size - 2);
    assert.ok(taken > 10);
  });

test('names that classes cannot have are refused', async () => {
  const args = { model: 'single_task', network: 'denselite', image_size: 32, classes: CLASSES } as const;
  const from = new FaceNetwork(buildModel(device, { ...args, imageSize: 32, classes: 3 }).initialise(1), args);
  const many = Array.from({ length: 51 }, (_, i) => `label ${i}`);
  for (const names of [['one'], ['happy', 'happiness'], ['valence', 'calm'], ['a,b', 'c'], ['1', '2'], many]) {
    const error = await from.withClasses(names).catch((error) => error);
    assert.instance(error, InputError);
    assert.match(error.message, `found ${names[0]}`);
  }
});

test.run();
