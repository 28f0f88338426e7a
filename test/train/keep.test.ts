// --keep: weights of the last epochs beside the best, for all that reads weights.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Ema } from '../../src/autograd';
import { makeOptimizer } from '../../src/train/loop/optimizer';
import { bytesOf } from '../../src/train/run/checkpoint';
import { checkNotOfRun, epochFile, epochOf } from '../../src/train/run/files';
import { openNetwork } from '../../src/train/run/network';
import { readRun } from '../../src/train/run/read_run';
import { checkRunRoom } from '../../src/train/run/room';
import { readTrainArgs } from '../../src/train/settings/args';
import { dir, mockRun } from './mock_session';

const test = suite('keep');

const weights = (name: string): string[] => readdirSync(join(dir, name, 'weights')).sort();
/** Two validation faces: as many hits an epoch. */
const seen = (...hits: number[]) => hits.map((n) => ({ predicted: [0, 1].map((c) => (c < n ? c : 6)) }));
const train = async (name: string, more: object, hits: number[]): Promise<void> =>
  void (await (await mockRun(name, more, { validated: seen(...hits) })).session.run());

test('the last N epochs are there, each with the weights that were validated; none by default', async () => {
  await train('none', { epochs: 2 }, [1, 2]);
  assert.equal(weights('none'), ['best.safetensors', 'last.safetensors', 'previous.safetensors']);
  await train('two', { epochs: 4, keep: 2 }, [0, 1, 2, 0]);
  const kept = ['epoch_0003.safetensors', 'epoch_0004.safetensors'];
  assert.equal(weights('two'), ['best.safetensors', ...kept, 'last.safetensors', 'previous.safetensors']);
  // The third is the best.
  const [best, third] = ['best', 'epoch_0003'].map((name) =>
    readFileSync(join(dir, 'two/weights', `${name}.safetensors`)),
  );
  assert.ok(best.equals(third));
});

test('a run that goes on keeps on, with another N too, and leaves what is not its own', async () => {
  await train('two', { epochs: 6, keep: 3 }, [1, 1]);
  const kept = [4, 5, 6].map((n) => `epoch_000${n}.safetensors`);
  assert.equal(
    weights('two').filter((name) => name.startsWith('epoch')),
    kept,
  );
  const mine = ['epoch_3.safetensors', 'epoch_0003.safetensors.bak', 'epoch_00003.safetensors'];
  for (const name of mine) writeFileSync(join(dir, 'two/weights', name), 'mine');
  writeFileSync(join(dir, 'two/weights/epoch_0007.safetensors.17.tmp'), 'half');
  await train('two', { epochs: 7, keep: 1 }, [1]);
  assert.equal(
    weights('two').filter((name) => name.startsWith('epoch')),
    [...mine, 'epoch_0007.safetensors'].sort(),
  );
});

test('their names: four digits or more, and only as they are written', () => {
  assert.is(epochFile(7), 'weights/epoch_0007.safetensors');
  for (const epoch of [1, 9999, 10_000, 123_456]) assert.is(epochOf(epochFile(epoch)), epoch);
  for (const name of ['weights/epoch_7.safetensors', 'weights/epoch_00007.safetensors', 'epoch_0007.safetensors'])
    assert.is(epochOf(name), undefined);
});

test('what reads weights takes them, and no --out may be one', async () => {
  const file = join(dir, 'two', epochFile(7));
  const network = await openNetwork({
    saved_model: join(dir, 'two'),
    checkpoint: file,
    emb: null,
    image_size: null,
    dataset: null,
    classes: null,
  });
  assert.is(network.given?.file, file);
  assert.ok((network.given?.state.size ?? 0) > 0);
  assert.throws(() => checkNotOfRun(file), /epoch_0007.safetensors is a file of the run/);
  checkNotOfRun(join(dir, 'two/weights/epoch_7.safetensors'));
  assert.ok(existsSync(file));
});

test('the disk is asked for room for them, and for one on its way; what is there counts', async () => {
  const { classes: _, kernels: __, format_version: ___, ...own } = readRun(join(dir, 'two')).args;
  const args = readTrainArgs(own);
  const { learner } = await mockRun('room', { epochs: 1 });
  const learning = { model: learner.model, optimizer: makeOptimizer(learner.model, args), ema: null, scaler: null };
  const bytes = bytesOf(learning);
  // As its files have, but for their headers. Counters of a norm have eight bytes in place of four.
  for (const [name, found] of [
    ['best', bytes.weights],
    ['last', bytes.checkpoint],
  ] as const) {
    const file = readFileSync(join(dir, `two/weights/${name}.safetensors`));
    const wanted = file.length - 8 - Number(file.readBigUInt64LE());
    assert.ok(found <= wanted && wanted - found < wanted / 100, `${name}: ${found} of ${wanted}`);
  }
  const parameters = [...learner.model.namedParameters()].reduce((sum, [, p]) => sum + p.size, 0);
  const averaged = bytesOf({ ...learning, ema: {} as Ema });
  assert.equal(averaged, { ...bytes, checkpoint: bytes.checkpoint + 4 * parameters });
  const needs = (saved_model: string, keep: number, epochs: number): number => {
    try {
      checkRunRoom({ saved_model, keep, epochs, tensorboard: false }, learning);
    } catch (error) {
      return Number(/need ([\d.]+) MiB/.exec((error as Error).message)?.[1]);
    }
    return assert.unreachable('expected no disk to have so much') as never;
  };
  // More than any disk has: a hundred million epochs.
  const [none, many, all] = [join(dir, 'nowhere'), 1e8, 1e9];
  const wanted = (n: number): number => (n * bytes.weights + bytes.weights + 3 * bytes.checkpoint) / 2 ** 20 + 2;
  assert.ok(Math.abs(needs(none, many, all) - wanted(many + 1)) < 0.1);
  assert.ok(Math.abs(needs(none, all, many) - wanted(many)) < 0.1, 'never more than there are');
  const has = needs(none, many, all) - needs(join(dir, 'two'), many, all);
  const kept = weights('two').filter((name) => /^(best|last|previous|epoch_0007)\.safetensors$/.test(name));
  const size = kept.reduce((sum, name) => sum + readFileSync(join(dir, 'two/weights', name)).length, 0);
  assert.ok(Math.abs(has - size / 2 ** 20) < 0.1 + 0.1, `${has}`);
  checkRunRoom({ saved_model: none, keep: 3, epochs: 9, tensorboard: true }, learning);
});

test.run();
