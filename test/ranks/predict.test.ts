// Predictions over ranks: those of one process, in its order.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError, MachineError } from '../../src/base/errors';
import type { Ranks } from '../../src/ranks/ranks';
import type { FacePrediction } from '../../src/train/measures/face_prediction';
import { type PredictSettings, predict } from '../../src/train/measures/predict';
import { expressionNetwork } from '../../src/train/run/expression_network';
import { runTogether } from './together';

const test = suite('ranks: predict');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-ranks-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

/** Three groups: 32, 32 and 7 pictures, of which two cannot be used. */
const COUNT = 71;
const BROKEN = [40, 66];

test.before(async () => {
  for (let i = 0; i < COUNT; i++) {
    const background = { r: (37 * i) % 256, g: (91 * i) % 256, b: (13 * i) % 256 };
    const file = join(dir, `${String(i).padStart(3, '0')}.png`);
    if (BROKEN.includes(i)) writeFileSync(file, 'no picture');
    else
      await sharp({ create: { width: 16, height: 16, channels: 3, background } })
        .png()
        .toFile(file);
  }
});

interface Looked {
  readonly predictions: FacePrediction[];
  readonly said: string[];
  readonly drawn: string[];
}

async function look(ranks?: Ranks, more: PredictSettings = {}, source = dir): Promise<Looked> {
  const looked: Looked = { predictions: [], said: [], drawn: [] };
  const onPicture: PredictSettings['onPicture'] = async ({ file }, { length }) =>
    void looked.drawn.push(`${file} ${length}`);
  const say = (line: string): void => void looked.said.push(line);
  const settings = { faces: 'none', say, onPicture, ranks, ...more } as const;
  for await (const prediction of predict(expressionNetwork(), [source], settings)) looked.predictions.push(prediction);
  return looked;
}

const values = <T>(settled: readonly PromiseSettledResult<T>[]): T[] =>
  settled.map((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });

const NOTHING: Looked = { predictions: [], said: [], drawn: [] };
let alone: Looked;

test('rank 0 gets what one process gets, whatever the number of ranks; the others nothing', async () => {
  alone = await look();
  assert.is(alone.predictions.length, COUNT - BROKEN.length);
  const leftOut = (lines: readonly string[]) => lines.filter((line) => line.startsWith('left out'));
  assert.is(leftOut(alone.said).length, BROKEN.length);
  // One of four has no group.
  const [first, ...others] = values(await runTogether(4, look));
  assert.equal(first.predictions, alone.predictions);
  assert.equal(first.drawn, alone.drawn);
  assert.equal(leftOut(first.said), leftOut(alone.said));
  for (const other of others) assert.equal({ ...other, said: [] }, NOTHING);
});

test('what rank 0 has in a file already is gone on with', async () => {
  for (const count of [33, 69]) {
    const rows = (async function* () {
      yield* alone.predictions.slice(0, count);
    })();
    const none = (async function* (): AsyncGenerator<FacePrediction> {})();
    const [{ predictions }] = values(
      await runTogether(2, (ranks) =>
        look(ranks, { done: { rows: ranks.rank === 0 ? rows : none, file: 'rows.csv' } }),
      ),
    );
    assert.equal(predictions, alone.predictions.slice(count), `behind ${count}`);
  }
});

test('ranks that list other pictures are named, and all end', async () => {
  const list = join(dir, 'list.txt');
  writeFileSync(list, '000.png\n001.png\n');
  const other = join(dir, 'other.txt');
  writeFileSync(other, '000.png\n002.png\n');
  const settled = await runTogether(3, (ranks) => look(ranks, {}, ranks.rank === 2 ? other : list));
  for (const one of settled) {
    assert.is(one.status, 'rejected');
    const { reason } = one as PromiseRejectedResult;
    assert.ok(reason instanceof InputError || reason instanceof MachineError);
    assert.match(
      reason.message,
      /rank 2: expected the pictures that rank 0 lists, found .*002\.png where that has .*001\.png/,
    );
  }
});

test('a signal to one rank ends all after its round, with the reason on all that have it too', async () => {
  const stop = new AbortController();
  const reason = new Error('Ctrl-C');
  const settled = await runTogether(2, (ranks) => {
    const onPicture = async (): Promise<void> => stop.abort(reason);
    return look(ranks, { onPicture, signal: stop.signal });
  });
  assert.equal(
    settled.map((one) => (one.status === 'rejected' ? one.reason : null)),
    [reason, reason],
  );
});

test.run();
