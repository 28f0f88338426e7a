import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Adam, AdamW, Ema, GradScaler, SGD } from '../../src/autograd';
import { readSafetensors, type StoredTensor } from '../../src/formats/safetensors';
import { buildModel, Counter, type EmotionModel } from '../../src/models';
import { makeOptimizer, type OptimizerArgs } from '../../src/train/loop/optimizer';
import { computeMetrics } from '../../src/train/measures/metrics';
import {
  encodeCheckpoint,
  historyOf,
  type Learning,
  loadCheckpoint,
  newProgress,
  progressOf,
  readLearning,
} from '../../src/train/run/checkpoint';
import { refuses } from '../autograd/helpers';
import { mockDevice } from '../mock_gpu';
import { A } from '../models/networks';

const test = suite('checkpoint');

/** A DenseNet that averages its weights and scales its loss, on a device that computes nothing. */
async function learning(
  seed: number,
  kind: OptimizerArgs['optimizer'] = 'sgd',
): Promise<Learning & { model: EmotionModel; reads: () => number }> {
  const { device } = await mockDevice({ features: ['shader-f16'] });
  const model = buildModel(device, { network: 'densenet', model: 'emotion_gcn', imageSize: 112, A }).initialise(seed);
  const args = {
    lr: 0.1,
    backbone_lr: null,
    freeze_backbone: false,
    momentum: 0.9,
    weight_decay: 0,
    betas: null,
    eps: null,
  };
  const optimizer = makeOptimizer(model, { ...args, optimizer: kind });
  const [readAll, count] = [device.readAll.bind(device), { n: 0 }];
  device.readAll = (storages) => {
    count.n++;
    return readAll(storages);
  };
  return { model, optimizer, ema: new Ema(optimizer, 0.9), scaler: new GradScaler(device), reads: () => count.n };
}

const HISTORY = { rows: [], metrics: null };
const opened = (bytes: Uint8Array) => ({ file: 'last.safetensors', ...readSafetensors(bytes) });

for (const kind of ['sgd', 'adam'] as const)
  test(`${kind}: a checkpoint is one read of the device, and what is loaded from it gives it again`, async () => {
    const from = await learning(1, kind);
    for (const [i, [, p]] of [...from.model.namedParameters()].entries()) {
      const numbers = (n: number) => new Float32Array(p.size).fill(n);
      const adam = { step: Float32Array.of(i), exp_avg: numbers(i), exp_avg_sq: numbers(2 * i) };
      if (i % 3 > 0) from.optimizer.setState(p, kind === 'sgd' ? { momentum: numbers(i) } : adam);
      from.ema?.of(p).write(numbers(-i));
    }
    for (const t of from.model.namedState().values()) if (t instanceof Counter) t.tensor.write(Float32Array.of(17));
    from.scaler?.load({ scale: 1024, goodSteps: 3, skipped: 2 });
    const progress = { ...newProgress(), epoch: 2, step: 5 };
    const encode = async (of: Learning) => encodeCheckpoint(await readLearning(of), progress, HISTORY);
    const bytes = await encode(from);
    assert.is(from.reads(), 1);

    const to = await learning(2, kind);
    assert.equal(loadCheckpoint(to, opened(bytes)), progress);
    assert.equal(Buffer.compare(await encode(to), bytes), 0);

    const other = await learning(2, kind === 'sgd' ? 'adam' : 'sgd');
    const wanted = kind === 'sgd' ? /state of Adam .*, found momentum\./ : /state of SGD \(momentum\), found step\./;
    assert.throws(() => loadCheckpoint(other, opened(bytes)), wanted);
  });

test('what a run has come to is read back, and written again has the same bytes', () => {
  const of = { classes: ['Calm', 'Cross'], labels: [0, 1, 1], predicted: [0, 1, 0] };
  const row = {
    ...{
      epoch: 1,
      lr: 0.1,
      train_loss: 1 / 3,
      train_cat: 1,
      train_cont: null,
      train_accuracy: 0.5,
      val_loss: Number.NaN,
    },
    ...{ val_cat: 1e-7, val_cont: null, val_accuracy: 1, val_ccc_valence: null, val_ccc_arousal: null, seconds: 7 },
    skipped: 2,
  };
  for (const va of [{}, { va: { truth: [0, 1, 2, 3, 4, 5], predicted: [0, 1, 2, 3, 4, 4] } }]) {
    const metrics = { ...computeMetrics({ ...of, ...va }), best_epoch: 1 };
    const bytes = encodeCheckpoint(new Map(), newProgress(), { rows: [row], metrics });
    const history = historyOf(opened(bytes).metadata, 'last.safetensors');
    assert.equal(history, { rows: [{ ...row, seconds: null }], metrics });
    assert.ok(history);
    assert.equal(encodeCheckpoint(new Map(), newProgress(), history), bytes);
  }
});

test('how far a run had come is refused by the one part that is wrong, and only then', () => {
  const { tally, ...whole } = newProgress();
  const best = { epoch: 0, accuracy: 0, loss: 0.5, ccc: null };
  const read = (edit: object, edited: object = {}) =>
    progressOf({ progress: JSON.stringify({ ...whole, ...edit, tally: { ...tally, ...edited } }) }, 'last.safetensors');
  for (const edit of [{}, { best }, { best: { epoch: 3, accuracy: 1 } }, { bad: [0, 7], stopped: true, step: 0 }])
    assert.equal(read(edit), { ...whole, ...edit, tally });
  assert.equal(read({}, { loss: null, cont: -1, steps: 0 }).tally, { ...tally, loss: null, cont: -1, steps: 0 });

  const counts = [-1, 0.5, null, '1', [1]];
  const wrong: [part: string, says: string, values: unknown[], edit: (value: unknown) => [object, object?]][] = [
    ...['epoch', 'step'].map((n): (typeof wrong)[number] => [n, `a whole number as ${n}`, counts, (v) => [{ [n]: v }]]),
    ['stopped', 'true or false as stopped', [0, null], (v) => [{ stopped: v }]],
    ['bad', 'places of samples as bad', [null, [-1], [1, 0.5]], (v) => [{ bad: v }]],
    ...['steps', 'samples', 'correct', 'skipped'].map((n): (typeof wrong)[number] => [
      n,
      'counts as steps, samples, correct and skipped of tally',
      counts,
      (v) => [{}, { [n]: v }],
    ]),
    ...['loss', 'cat', 'cont'].map((n): (typeof wrong)[number] => [
      n,
      'sums as loss, cat and cont of tally',
      ['1', true, [1]],
      (v) => [{}, { [n]: v }],
    ]),
    ...Object.entries({ epoch: counts, accuracy: [-1, '1', null], loss: ['1'], ccc: [true] }).map(
      ([n, values]): (typeof wrong)[number] => [
        `best ${n}`,
        'the scores of an epoch as best',
        values,
        (v) => [{ best: { ...best, [n]: v } }],
      ],
    ),
    ['best', 'the scores of an epoch as best', [1, 'x'], (v) => [{ best: v }]],
  ];
  for (const [part, says, values, edit] of wrong)
    for (const value of values)
      assert.throws(
        () => read(...edit(value)),
        (error: Error) => error.message.startsWith(`last.safetensors: expected`) && error.message.includes(`(${says})`),
        `${part} ${JSON.stringify(value)}`,
      );
});

test('a state that is not whole, or of another shape, is refused by name', async () => {
  const { model, optimizer, ...rest } = await learning(1, 'adam');
  const [name, p] = [...model.namedParameters()][5];
  const kept = (n: number) => new Float32Array(p.size).fill(n);
  optimizer.setState(p, { step: Float32Array.of(3), exp_avg: kept(1), exp_avg_sq: kept(2) });
  const { tensors, metadata } = opened(
    encodeCheckpoint(await readLearning({ model, optimizer, ...rest }), newProgress(), HISTORY),
  );
  const load = (edit: (t: typeof tensors) => void) => {
    const other = new Map(tensors);
    edit(other);
    return () => loadCheckpoint({ model, optimizer, ...rest }, { tensors: other, metadata, file: 'last.safetensors' });
  };
  const two: StoredTensor = { dtype: 'F32', shape: [2], data: new Float32Array(2) };
  load(() => {})();
  refuses(
    load((t) => t.delete(`step.${name}`)),
    new RegExp(`last.safetensors: step.${name} is missing beside exp_avg.${name}`),
  );
  refuses(
    load((t) => t.set(`exp_avg_sq.${name}`, two)),
    new RegExp(`exp_avg_sq.${name} is 2, expected ${p.shape.join('x')}`),
  );
  refuses(
    load((t) => t.set(`step.${name}`, two)),
    new RegExp(`step.${name} is 2, expected a number`),
  );
});

test('each optimizer by its name, with its settings, heads and backbone', async () => {
  const { device } = await mockDevice();
  const model = buildModel(device, { network: 'bregnext', model: 'multi_task', imageSize: 16, A });
  const args = { lr: 0.1, backbone_lr: 0.01, freeze_backbone: false, weight_decay: 0.2 };
  const sgd = makeOptimizer(model, { ...args, optimizer: 'sgd', momentum: 0.7, betas: null, eps: null });
  assert.instance(sgd, SGD);
  assert.equal(
    sgd.groups.map(({ lr, weightDecay }) => [lr, weightDecay]),
    [
      [0.1, 0.2],
      [0.01, 0.2],
    ],
  );
  assert.is((sgd as SGD).groups[1].momentum, 0.7);
  for (const [optimizer, type] of [
    ['adam', Adam],
    ['adamw', AdamW],
  ] as const) {
    const made = makeOptimizer(model, { ...args, optimizer, momentum: null, betas: [0.5, 0.6], eps: 1e-3 }) as Adam;
    assert.is(made.constructor, type);
    const [{ betas, eps, lr, weightDecay }] = made.groups;
    assert.equal([...betas, eps, lr, weightDecay], [0.5, 0.6, 1e-3, 0.1, 0.2]);
  }
});

test.run();
