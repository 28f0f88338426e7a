import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Ema, GradScaler } from '../../src/autograd';
import { buildModel, Counter, type EmotionModel } from '../../src/models';
import { makeOptimizer } from '../../src/train/loop/optimizer';
import { encodeCheckpoint, type Learning, loadCheckpoint, newProgress } from '../../src/train/run/checkpoint';
import { mockDevice } from '../mock_gpu';
import { A } from '../models/networks';

const test = suite('checkpoint');

/** A DenseNet that averages its weights and scales its loss, on a device that computes nothing. */
async function learning(seed: number): Promise<Learning & { model: EmotionModel; reads: () => number }> {
  const { device } = await mockDevice({ features: ['shader-f16'] });
  const model = buildModel(device, { network: 'densenet', model: 'emotion_gcn', imageSize: 112, A }).initialise(seed);
  const args = { lr: 0.1, backbone_lr: null, freeze_backbone: false, momentum: 0.9, weight_decay: 0 };
  const optimizer = makeOptimizer(model, args);
  const [readAll, count] = [device.readAll.bind(device), { n: 0 }];
  device.readAll = (storages) => {
    count.n++;
    return readAll(storages);
  };
  return { model, optimizer, ema: new Ema(optimizer, 0.9), scaler: new GradScaler(device), reads: () => count.n };
}

test('a checkpoint is one read of the device, and what is loaded from it gives it again', async () => {
  const from = await learning(1);
  for (const [i, [, p]] of [...from.model.namedParameters()].entries()) {
    if (i % 3 > 0) from.optimizer.setState(p, { momentum: new Float32Array(p.size).fill(i) });
    from.ema?.of(p).write(new Float32Array(p.size).fill(-i));
  }
  for (const t of from.model.namedState().values()) if (t instanceof Counter) t.value = 17;
  from.scaler?.load({ scale: 1024, goodSteps: 3, skipped: 2 });
  const progress = { ...newProgress(), epoch: 2, step: 5 };
  const bytes = await encodeCheckpoint(from, progress);
  assert.is(from.reads(), 1);

  const to = await learning(2);
  assert.equal(loadCheckpoint(to, bytes, 'last.safetensors'), progress);
  assert.equal(Buffer.compare(await encodeCheckpoint(to, progress), bytes), 0);
});

test.run();
