// The hash of a run's state on the device, against the same formula over what a checkpoint of it holds.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ema, GradScaler, type Optimizer, tensor } from '../../src/autograd';
import { randomStream, randomUniform } from '../../src/base/random';
import { readSafetensors } from '../../src/formats/safetensors';
import { buildModel } from '../../src/models';
import { Learner } from '../../src/train/loop/learner';
import { makeOptimizer, type OptimizerArgs } from '../../src/train/loop/optimizer';
import { StateHash } from '../../src/train/loop/state_hash';
import {
  encodeCheckpoint,
  type Learning,
  loadCheckpoint,
  newProgress,
  readLearning,
} from '../../src/train/run/checkpoint';
import type { RunWeights } from '../../src/train/run/read_run';
import { device } from '../gpu';
import { reference } from '../kernels/hash_reference';

const test = suite('state hash');

interface Net extends Learning {
  readonly learner: Learner;
  readonly ema: Ema;
  readonly scaler: GradScaler;
}

function net(kind: OptimizerArgs['optimizer'] = 'adam'): Net {
  const model = buildModel(device, { network: 'bregnext', model: 'multi_task', imageSize: 16 }).initialise(1);
  const sgd = kind === 'sgd';
  const rates = { lr: 0.01, backbone_lr: null, weight_decay: 0, freeze_backbone: false };
  const of = { momentum: sgd ? 0.9 : null, betas: sgd ? null : ([0.9, 0.999] as const), eps: sgd ? null : 1e-8 };
  const optimizer = makeOptimizer(model, { ...rates, ...of, optimizer: kind });
  const learner = new Learner(device, model, {
    embedding: null,
    loss: { classWeights: new Float32Array(7).fill(1), lambda: 1 },
  });
  return { model, optimizer, learner, ema: new Ema(optimizer, 0.9), scaler: new GradScaler(device) };
}

/** A step on two made-up faces. */
async function learn({ learner, optimizer, ema }: Net, t: number): Promise<void> {
  const stream = randomStream('faces', t);
  const batch = {
    images: Uint8Array.from({ length: 2 * 16 * 16 * 3 }, (_, i) => 256 * randomUniform(stream, i)),
    affine: Int32Array.of(65536, 0, 0, 0, 65536, 0, 65536, 0, 0, 0, 65536, 0),
    flip: Uint32Array.of(0, 1),
    labels: Uint32Array.of(t % 7, 3),
    va: Float32Array.of(0.1, 0.2, -0.3, 0.4),
    rows: Uint32Array.of(0, 1),
  };
  const result = learner.train(batch, optimizer as Optimizer);
  ema.update(t);
  await result;
}

async function checkpointOf(learning: Learning): Promise<RunWeights> {
  const bytes = encodeCheckpoint(await readLearning(learning), newProgress(), { rows: [], metrics: null });
  return { file: 'last.safetensors', ...readSafetensors(bytes) };
}

/** The formula over a checkpoint's tensors. */
async function ofCheckpoint(learning: Learning): Promise<string> {
  const { tensors } = await checkpointOf(learning);
  const words = [...tensors].map(([name, { data }]): [string, Uint32Array] => {
    // Counts are floats on the device.
    const floats = data instanceof Float32Array ? data : Float32Array.from(data as ArrayLike<bigint>, Number);
    return [name, new Uint32Array(floats.slice().buffer)];
  });
  return reference(words)
    .map((word) => word.toString(16).padStart(8, '0'))
    .join('');
}

for (const kind of ['sgd', 'adam'] as const)
  test(`${kind}: it is the hash of all that a checkpoint holds, before the first step and after others`, async () => {
    const own = net(kind);
    const state = new StateHash(device, own);
    const found = [await state.take()];
    assert.is(found[0], await ofCheckpoint(own));
    for (const t of [0, 1]) {
      await learn(own, t);
      found.push(await state.take());
      assert.is(found[t + 1], await ofCheckpoint(own));
      assert.match(found[t + 1], /^[0-9a-f]{16}$/);
    }
    assert.is(new Set(found).size, 3);

    // What was loaded from a checkpoint lies elsewhere.
    const other = net(kind);
    loadCheckpoint(other, await checkpointOf(own));
    assert.is(await new StateHash(device, other).take(), found[2]);
  });

test('one bit of a weight, a velocity, an average, a running statistic, a count or the loss scale changes it', async () => {
  const own = net('sgd');
  await learn(own, 0);
  const { model, optimizer, ema, scaler } = own;
  const state = new StateHash(device, own);
  const found = new Set([await state.take()]);
  const [, weight] = [...model.namedParameters()][0];
  const named = model.namedState();
  const velocity = optimizer.state(weight)?.momentum;
  const tensors = [weight, velocity, ema.of(weight), named.get('_model.5.running_var')];
  for (const t of tensors) {
    assert.ok(t && 'write' in t);
    const data = await t.data();
    new Uint32Array(data.buffer)[data.length - 1] ^= 1;
    t.write(data);
    found.add(await state.take());
  }
  const count = named.get('_model.5.num_batches_tracked');
  assert.ok(count && 'tensor' in count);
  count.tensor.write(Float32Array.of(2));
  found.add(await state.take());
  scaler.load({ scale: 65536, goodSteps: 1, skipped: 0 });
  found.add(await state.take());
  assert.is(found.size, 7);
});

test('a tensor that lies elsewhere than at the last time, alone of all, is hashed where it is now', async () => {
  const own = net();
  const tensors = new Map(own.model.namedState());
  const model = Object.assign(Object.create(own.model), { namedState: () => tensors });
  const state = new StateHash(device, { ...own, model });
  const first = await state.take();
  const [name, t] = [...tensors].find(([, t]) => 'data' in t) ?? [];
  assert.ok(name && t && 'data' in t);
  const moved = tensor(
    device,
    (await t.data()).map((v) => v + 1),
    t.shape,
  );
  tensors.set(name, moved);
  const second = await state.take();
  assert.is.not(second, first);
  assert.is(second, await new StateHash(device, { ...own, model }).take());
});

test('nothing is made for it once the optimizer has a state', async () => {
  const own = net();
  const state = new StateHash(device, own);
  for (const t of [0, 1]) {
    await learn(own, t);
    await state.take();
  }
  const { buffers, bindGroups, pipelines, held } = device.stats();
  const first = await state.take();
  await learn(own, 2);
  const second = await state.take();
  const after = device.stats();
  assert.equal([after.buffers, after.bindGroups, after.pipelines, after.held], [buffers, bindGroups, pipelines, held]);
  assert.is.not(first, second);
});

test.run();
