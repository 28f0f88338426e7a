// What a run decides around its steps: the best epoch, the end, and what becomes of a device that fails.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Tensor } from '../../src/autograd';
import { MachineError } from '../../src/base/errors';
import { DeviceLost } from '../../src/device';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';
import type { StateEntry } from '../../src/models';
import type { StepEvent } from '../../src/train/loop/events';
import { readRun } from '../../src/train/run/read_run';
import { isBetter } from '../../src/train/settings/best';
import { failure } from './failure';
import { dir, mockRun } from './mock_session';

const test = suite('session');

/** Results of a validation of two samples, as `hits` of them right with a loss. */
const seen = (hits: 0 | 1 | 2, loss: number) => ({ loss, predicted: [0, 1].map((c) => (c < hits ? c : 6)) });
const bestEpoch = (name: string): number | undefined => readRun(join(dir, name)).metrics?.best_epoch;
const epochs = (name: string): number => readRun(join(dir, name)).rows.length;

test('of epochs with equal accuracy the one with the lower validation loss is the best', async () => {
  const validated = [seen(1, 3), seen(1, 2), seen(1, 2.5), seen(0, 1)];
  await (await mockRun('equal', { epochs: 4 }, { validated })).session.run();
  assert.is(bestEpoch('equal'), 2);
});

test('the best by loss, and by the mean CCC', async () => {
  await (
    await mockRun('loss', { epochs: 3, best: 'loss' }, { validated: [seen(2, 3), seen(0, 1), seen(1, 2)] })
  ).session.run();
  assert.is(bestEpoch('loss'), 2);
  const va = (...numbers: number[]) => ({ va: Float32Array.from(numbers) });
  // The truth is 0 throughout: a guess that is 0 as well has no CCC, others have 0.
  const validated = [va(0, 0, 0, 0), va(0.1, 0.1, 0.2, 0.2), va(0.1, 0.1, 0.2, 0.2)];
  await (await mockRun('ccc', { epochs: 3, best: 'ccc' }, { validated })).session.run();
  assert.is(bestEpoch('ccc'), 2);
  const scores = { epoch: 0, accuracy: 0.5, loss: 1, ccc: 0.2 };
  assert.ok(isBetter('ccc', { ...scores, ccc: 0.3 }, scores) && !isBetter('ccc', { ...scores, accuracy: 1 }, scores));
  assert.not(isBetter('accuracy', { ...scores, loss: null }, scores));
});

test('training ends after --patience epochs without a better one, by the measure of --best', async () => {
  const validated = [seen(1, 3), seen(1, 2), seen(2, 2.5), seen(1, 1), seen(1, 1), seen(1, 1), seen(1, 1)];
  const early = await mockRun('early', { epochs: 7, patience: 2 }, { validated });
  assert.is((await early.session.run()).status, 'finished');
  assert.equal([bestEpoch('early'), epochs('early')], [3, 5]);
  assert.is(early.notices.at(-1), 'no better validation accuracy for 2 epochs: training ends');
  const later = await mockRun('later', { epochs: 7, patience: 2, best: 'loss' }, { validated });
  await later.session.run();
  assert.equal([bestEpoch('later'), epochs('later')], [4, 6]);
  assert.is(later.notices.at(-1), 'no better validation loss for 2 epochs: training ends');
  // Resumed, it is at its end.
  const again = await mockRun('early', { epochs: 7, patience: 2 }, { validated });
  assert.is((await again.session.run()).status, 'finished');
  assert.is(epochs('early'), 5);
});

test('a checkpoint that knows only the best accuracy goes on, with the loss of that epoch', async () => {
  const stop = new AbortController();
  const onEpoch = (): void => stop.abort();
  await (await mockRun('older', { epochs: 3 }, { validated: [seen(1, 2)], hooks: { onEpoch } })).session.run(
    stop.signal,
  );
  const file = join(dir, 'older/weights/last.safetensors');
  const { tensors, metadata } = readSafetensors(readFileSync(file));
  const progress = JSON.parse(metadata.progress);
  assert.equal(progress.best, { epoch: 0, accuracy: 0.5, loss: 2, ccc: 0 });
  progress.best = { accuracy: 0.5, epoch: 0 };
  writeFileSync(
    file,
    writeSafetensors(
      tensors as Map<string, StateEntry>,
      { ...metadata, progress: JSON.stringify(progress) },
      { sealed: true },
    ),
  );
  await (await mockRun('older', { epochs: 3 }, { validated: [seen(1, 2.5), seen(1, 1.5)] })).session.run();
  assert.is(bestEpoch('older'), 3);
});

test('running statistics that are no numbers end the run after validation, by name, and keep the best so far', async () => {
  const names = ['_model.5.running_var', '_conv0.weight'];
  const onEpoch = (): void => {
    for (const name of names.slice(0, 1)) {
      const t = learner.model.namedState().get(name) as Tensor;
      t.write(new Float32Array(t.size).fill(Number.NaN));
    }
  };
  const { session, learner } = await mockRun('sick', { epochs: 3 }, { hooks: { onEpoch } });
  const error = await failure(session.run());
  assert.instance(error, MachineError);
  assert.match(
    error.message,
    /^after epoch 2 the network holds what is no number: training diverged \(_model\.5\.running_var is NaN at \[0\]\); start again with a lower --lr/,
  );
  assert.equal([bestEpoch('sick'), epochs('sick')], [1, 1]);
});

test('a validation loss that is no number ends the run', async () => {
  const { session } = await mockRun('overflow', {}, { validated: [{ loss: Number.POSITIVE_INFINITY }] });
  assert.match(
    (await failure(session.run())).message,
    /^the loss is Infinity in the validation of epoch 1: training diverged \(its weights are finite/,
  );
});

test('a device that is lost in the middle of an epoch ends the run by name, and the checkpoint before it resumes', async () => {
  const lost: { gpu?: { lose(): void } } = {};
  const onStep = ({ phase, epoch, step }: StepEvent): void => {
    if (phase === 'train' && epoch === 2 && step === 2) lost.gpu?.lose();
  };
  const run = await mockRun('lost', { epochs: 2 }, { hooks: { onStep } });
  lost.gpu = run.gpu;
  assert.instance(await failure(run.session.run()), DeviceLost);
  assert.is(epochs('lost'), 1);
  const again = await mockRun('lost', { epochs: 2 });
  assert.is((await again.session.run()).status, 'finished');
  assert.equal(again.notices[0], 'resumed at epoch 2, step 1');
  assert.is(epochs('lost'), 2);
});

test("out of memory ends the run as the machine's failure, with what to do, and leaves no weights", async () => {
  const error = await failure(mockRun('full', {}, { memory: 60 << 20 }).then(({ session }) => session.run()));
  assert.instance(error, MachineError);
  assert.match(error.message, /out of memory: use a smaller batch or image size/);
  assert.not(existsSync(join(dir, 'full/weights/last.safetensors')));
});

test.run();
