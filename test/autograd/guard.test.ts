// Steps that are not finite: what refuses them, and that nothing changes where they are.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  AdamW,
  add,
  backward,
  batchNorm,
  clipGradNorm,
  crossEntropy,
  dropMoments,
  Ema,
  FirstNotFinite,
  GradScaler,
  Guard,
  half,
  labels,
  mul,
  type Optimizer,
  readAll,
  refusedBy,
  SGD,
  sliceChannels,
  step,
  sum,
  type Tensor,
  tensor,
  zeros,
} from '../../src/autograd';
import { BatchNorm2d, buildModel } from '../../src/models';
import { device } from '../gpu';
import { mockDevice } from '../mock_gpu';
import { random } from './helpers';

const test = suite('guard');

const OPTIMIZERS: Record<string, (params: Tensor[]) => Optimizer> = {
  SGD: (params) => new SGD(params, { lr: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true }),
  Adam: (params) => new Adam(params, { lr: 0.1, weightDecay: 0.01 }),
  AdamW: (params) => new AdamW(params, { lr: 0.1 }),
};

/** What a batch holds: what parameters are multiplied with, and what is added to the loss, which has no gradient. */
interface Batch {
  readonly factor?: number;
  readonly offset?: number;
}

/** A norm and a large parameter whose number of elements is no multiple of 4, an optimizer and an average of them. */
function make(kind = 'SGD') {
  const norm = new BatchNorm2d(device, 5).initialise(1);
  const p = random('p', [70_001]);
  const params = [p, ...norm.parameters()];
  const optimizer = OPTIMIZERS[kind](params);
  const ema = new Ema(optimizer, 0.5);
  const { runningMean, runningVar, batchesTracked } = norm.tensors;
  let [seen, t] = [0, 0];
  const lossOf = ({ factor = 1, offset = 0 }: Batch): Tensor => {
    const x = random(`x ${seen++}`, [6, 5], { requiresGrad: false });
    const y = batchNorm(x, norm.tensors, { training: true });
    const spoilt = new Float32Array(p.size).fill(0.01);
    spoilt[70_000] = factor;
    const all = add(sum(mul(y, y)), sum(mul(p, tensor(device, spoilt, [p.size]))));
    return add(all, tensor(device, [offset], all.shape));
  };
  /** One step on these batches. */
  const train = (guard: Guard | null, ...batches: Batch[]): void => {
    for (const [i, batch] of batches.entries())
      step(device, () => {
        if (i === 0) optimizer.zeroGrad();
        const loss = lossOf(batch);
        guard?.look(loss);
        backward(loss, guard instanceof GradScaler ? guard.scale : undefined);
        if (i === batches.length - 1) optimizer.step(guard);
      });
    ema.update(t++, guard);
  };
  const all = (): Promise<Float32Array[]> =>
    readAll([
      ...[...params, runningMean, runningVar, batchesTracked as Tensor],
      ...params.flatMap((q) => [ema.of(q), ...Object.values(optimizer.state(q) ?? {})]),
    ]);
  /** As if so many batches had been trained on. */
  const skip = (batches: number): void => {
    seen += batches;
    t++;
  };
  return { params, optimizer, train, all, skip };
}

const INFINITE = Number.POSITIVE_INFINITY;
const SPOILT: Record<string, Batch> = {
  'an infinite gradient': { factor: INFINITE },
  'a gradient that is NaN': { factor: Number.NaN },
  'a loss alone that is infinite': { offset: -INFINITE },
  'a loss alone that is NaN': { offset: Number.NaN },
};

for (const kind of Object.keys(OPTIMIZERS)) {
  test(`${kind}: a guard changes no bit of steps that are finite`, async () => {
    const [guarded, plain] = [make(kind), make(kind)];
    const guard = new Guard(device);
    for (let s = 0; s < 3; s++) {
      guarded.train(guard, {}, {});
      plain.train(null, {}, {});
    }
    assert.equal(await guarded.all(), await plain.all());
    assert.is(await guard.refused(), 0);
    assert.not(refusedBy(await guard.numbers.data()));
  });

  for (const [what, spoilt] of Object.entries(SPOILT))
    test(`${kind}: ${what}, in whichever batch of the step, changes nothing, and what follows is as if it had not been`, async () => {
      const [one, other] = [make(kind), make(kind)];
      const guard = new Guard(device);
      for (const m of [one, other]) m.train(guard, {});
      const before = await one.all();
      const groups = [[spoilt], [spoilt, {}, {}], [{}, spoilt, {}], [{}, {}, spoilt]];
      for (const [i, group] of groups.entries()) {
        one.train(guard, ...group);
        other.skip(group.length);
        assert.equal(await one.all(), before);
        assert.is(await guard.refused(), i + 1);
        assert.ok(refusedBy(await guard.numbers.data()));
      }
      for (const m of [one, other]) m.train(guard, {}, {});
      const after = await one.all();
      assert.equal(after, await other.all());
      assert.ok(after.every((values, i) => values.some((v, k) => v !== before[i][k])));
    });
}

test('the first step of all may be one that is refused', async () => {
  const [one, other] = [make('Adam'), make('Adam')];
  const guard = new Guard(device);
  one.train(guard, { factor: INFINITE });
  other.skip(1);
  for (const m of [one, other]) m.train(guard, {});
  assert.equal(await one.all(), await other.all());
});

test('a guard that stops refuses every step after one that was not finite, until it is reset', async () => {
  const m = make('Adam');
  const guard = new Guard(device, { stop: true });
  m.train(guard, {});
  const before = await m.all();
  m.train(guard, { offset: Number.NaN });
  for (let s = 0; s < 3; s++) m.train(guard, {}, {});
  assert.equal(await m.all(), before);
  assert.is(await guard.refused(), 4);
  guard.reset();
  assert.is(await guard.refused(), 0);
  m.train(guard, {});
  assert.not.equal(await m.all(), before);
});

test('batches of a step that is given up are forgotten', async () => {
  const [m, norm] = [make(), new BatchNorm2d(device, 5).initialise(1)];
  const guard = new Guard(device);
  norm.forward(random('x', [6, 5]));
  guard.look(tensor(device, [Number.NaN], [1]));
  dropMoments(device);
  guard.reset();
  assert.is(await norm.tensors.batchesTracked?.item(), 0);
  assert.equal(await norm.tensors.runningMean.data(), new Float32Array(5));
  m.train(guard, {});
  assert.is(await guard.refused(), 0);
});

for (const scaled of [false, true])
  test(`clipping ${scaled ? 'with a scaler ' : ''}leaves to the guard what is not finite`, async () => {
    // A norm that is infinite as one gradient is, and gradients whose squares add up to more than float32 holds.
    for (const [factors, refused] of [
      [[1, INFINITE, 1], true],
      [[1, Number.NaN, 1], true],
      [[3e19, 3e19, 1], false],
    ] as const) {
      const p = random('p', [3]);
      const optimizer = new SGD([p], { lr: 1 });
      const guard = scaled ? new GradScaler(device, { scale: 4 }) : new Guard(device);
      const before = await p.data();
      step(device, () => {
        backward(sum(mul(p, tensor(device, factors, [3]))), guard instanceof GradScaler ? guard.scale : undefined);
        clipGradNorm([p], 1, guard);
        optimizer.step(guard);
      });
      assert.equal(await p.data(), before);
      const cost = guard instanceof GradScaler ? (await guard.state()).skipped : await guard.refused();
      assert.is(cost, Number(refused), `${factors}`);
    }
  });

test("under a scaler an infinite gradient is the scale's matter, a loss that is not finite is none of it", async () => {
  const m = make();
  const scaler = new GradScaler(device, { scale: 8, growthInterval: 2 });
  m.train(scaler, {});
  const [before, state] = [await m.all(), await scaler.state()];
  assert.equal(state, { scale: 8, goodSteps: 1, skipped: 0 });
  m.train(scaler, {}, { offset: INFINITE });
  assert.equal(await m.all(), before);
  assert.equal(await scaler.state(), state);
  assert.is(await scaler.refused(), 1);
  m.train(scaler, {}, { factor: INFINITE, offset: Number.NaN });
  assert.equal(await scaler.state(), state);
  assert.is(await scaler.refused(), 2);

  // A loss that is finite without the scale: 1e38 * 8 is not.
  m.train(scaler, { factor: 1e38 });
  assert.equal(await scaler.state(), { scale: 4, goodSteps: 0, skipped: 1 });
  assert.is(await scaler.refused(), 2);
  const after = await m.all();
  const running = [3, 4, 5];
  for (const [i, values] of after.entries())
    if (running.includes(i)) assert.not.equal(values, before[i], 'running statistics take the batch in');
    else assert.equal(values, before[i]);
});

test('a scaler that stops does so for a loss alone', async () => {
  const m = make();
  const scaler = new GradScaler(device, { stop: true });
  m.train(scaler, { factor: 1e38 });
  const before = await m.all();
  m.train(scaler, {});
  const moved = await m.all();
  assert.not.equal(moved, before);
  m.train(scaler, { offset: INFINITE });
  m.train(scaler, {});
  assert.equal(await m.all(), moved);
});

test('a refused step of ever so many batches takes none of them in', async () => {
  const channels = 60000;
  const norm = new BatchNorm2d(device, channels).initialise(1);
  const optimizer = new SGD(norm.parameters(), { lr: 1 });
  const guard = new Guard(device);
  const x = random('x', [2, channels], { requiresGrad: false });
  // 64 MiB of moments hold 69 batches.
  for (let i = 0; i < 80; i++)
    step(device, () => {
      const loss = sum(norm.forward(x));
      guard.look(i === 79 ? tensor(device, [INFINITE], [1]) : loss);
      backward(loss);
      if (i === 79) optimizer.step(guard);
    });
  assert.is(await norm.tensors.batchesTracked?.item(), 0);
  assert.ok((await norm.tensors.runningMean.data()).every((v) => v === 0));
});

test('the first of many tensors that is not finite is found: slices, f16 and what is no multiple of 4', async () => {
  const block = zeros(device, [3, 12], { requiresGrad: true });
  const spoil = new Float32Array(36);
  spoil[20] = INFINITE;
  block.write(spoil);
  const [left, right] = [sliceChannels(block, 0, 8), sliceChannels(block, 8, 12)];
  const odd = tensor(device, [1, 2, 3, 4, Number.NaN], [5]);
  const halves = device.features.has('shader-f16') ? [half(tensor(device, [1, 7e4], [1, 2]))] : [];
  const good = random('x', [5, 7]);
  // Of more parts of 4096 than the lanes that look through them.
  const long = new Float32Array(600_001);
  long[600_000] = Number.NaN;
  const last = tensor(device, long, [long.length]);
  for (const [seen, place] of [
    [[good, left], null],
    [[good, left, right, odd], 2],
    [[odd, right], 0],
    [[good, last, odd], 1],
    [[left, ...halves, odd], 1],
  ] as const) {
    const finder = new FirstNotFinite(device);
    for (const t of seen) finder.see(t);
    assert.is(await finder.place(), place);
  }
});

test('a steady guarded step creates nothing, and its dry run leaves no trace', async () => {
  const { device, gpu } = await mockDevice();
  const net = buildModel(device, { network: 'bregnext', model: 'single_task', imageSize: 16 });
  const optimizer = new SGD(net.parameters(), { lr: 0.1, momentum: 0.9 });
  const [guard, ema] = [new Guard(device, { stop: true }), new Ema(optimizer, 0.9)];
  const x = zeros(device, [2, 3, 16, 16]);
  const train = (): void => {
    step(device, () => {
      optimizer.zeroGrad();
      const loss = crossEntropy(net.forward(x).logits, labels(device, [1, 2], 7));
      guard.look(loss);
      backward(loss);
      clipGradNorm(optimizer.params, 1, guard);
      optimizer.step(guard);
    });
    ema.update(0, guard);
  };
  for (let warm = 0; warm < 3; warm++) train();
  await device.wait();
  const { buffers, bindGroups, pipelines, uniformBytes, live } = device.stats();
  device.dryRun(train);
  train();
  await device.wait();
  const now = device.stats();
  assert.equal(
    [now.buffers, now.bindGroups, now.pipelines, now.uniformBytes, now.live],
    [buffers, bindGroups, pipelines, uniformBytes, live],
  );
  assert.equal(gpu.errors, []);
  device.destroy();
});

test.run();
