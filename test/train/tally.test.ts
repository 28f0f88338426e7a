// What batches add up to, and what an epoch is judged by.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { BatchResult } from '../../src/train/loop/learner';
import { scoresOf } from '../../src/train/loop/scores';
import { addTo, meansOf, newTally } from '../../src/train/loop/tally';
import type { EpochRow } from '../../src/train/run/results';

const batch = (loss: number | null, labels: number[], predicted: number[], cont: number | null = 0.25): BatchResult =>
  ({ loss, cat: loss === null ? null : loss / 2, cont, labels, predicted }) as unknown as BatchResult;

test('losses are means over batches, hits over samples', () => {
  const tally = newTally();
  assert.equal(meansOf(tally), { loss: null, cat: null, cont: null, accuracy: 0 });
  addTo(tally, batch(3, [1, 2, 3, 4], [1, 2, 3, 0]));
  addTo(tally, batch(1, [5], [6], 0.75));
  assert.equal(tally, { steps: 2, samples: 5, skipped: 0, loss: 4, cat: 2, cont: 1, correct: 3 });
  assert.equal(meansOf(tally), { loss: 2, cat: 1, cont: 0.5, accuracy: 0.6 });
});

test('a batch whose loss is not finite is left out, and counted', () => {
  const tally = newTally();
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    addTo(tally, batch(loss, [1], [1]));
  assert.equal(tally, { ...newTally(), skipped: 3 });
  addTo(tally, batch(0.5, [1], [1]));
  assert.equal(meansOf(tally), { loss: 0.5, cat: 0.25, cont: 0.25, accuracy: 1 });
});

test('what one batch has none of, the epoch has none of', () => {
  const tally = newTally();
  addTo(tally, batch(1, [1], [1]));
  addTo(tally, batch(null, [1, 2], [1, 1]));
  addTo(tally, batch(1, [1], [1], null));
  assert.equal(tally, { steps: 3, samples: 4, skipped: 0, loss: null, cat: null, cont: null, correct: 3 });
  assert.equal(meansOf(tally), { loss: null, cat: null, cont: null, accuracy: 0.75 });
});

test('an epoch is judged by accuracy, loss, and the mean of both CCCs where there is one', () => {
  const ccc = (val_ccc_valence: number | null, val_ccc_arousal: number | null) =>
    scoresOf({ epoch: 3, val_accuracy: 0.5, val_loss: 1.5, val_ccc_valence, val_ccc_arousal } as EpochRow);
  assert.equal(ccc(0.25, 0.75), { epoch: 2, accuracy: 0.5, loss: 1.5, ccc: 0.5 });
  assert.is(ccc(-1, 0.5).ccc, -0.25);
  for (const [a, b] of [
    [null, 0.5],
    [0.5, null],
    [null, null],
    [Number.NaN, 0.5],
    [0.5, Number.NaN],
  ])
    assert.is(ccc(a, b).ccc, null);
});

test.run();
