// --tensorboard: what a run tells, read strictly; with it the same bits; killed and resumed each step counts once.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { writeSyntheticSet } from '../../src/data';
import { histogram } from '../../src/formats/events';
import { readSafetensors } from '../../src/formats/safetensors';
import { Trainer } from '../../src/train/loop/trainer';
import { checkNotOfRun, eventsFile, eventsOf, takenNames } from '../../src/train/run/files';
import { readRun } from '../../src/train/run/read_run';
import { parseStep, STEPS_HEADER, type StepRow } from '../../src/train/run/steps';
import { readTrainArgs } from '../../src/train/settings/args';
import { type ReadEvent, readEvents } from '../formats/read_events';
import { mockRun, dir as mocks } from './mock_session';

const test = suite('tensorboard');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-tensorboard-'));
test.after(() => rmSync(dir, { recursive: true, force: true }));

const filesOf = (run: string): string[] =>
  readdirSync(run)
    .filter((name) => name.includes('tfevents'))
    .sort();
const eventsIn = (run: string, torn = false): ReadEvent[][] =>
  filesOf(run).map((name) => readEvents(readFileSync(join(run, name)), torn));

const stepsOf = (run: string): (StepRow | null)[] => {
  const [header, ...lines] = readFileSync(join(run, 'steps.csv'), 'utf8').trimEnd().split('\n');
  assert.is(`${header}\n`, STEPS_HEADER);
  return lines.map(parseStep);
};

/** As TensorBoard takes files, one after the other: what a start makes void is forgotten. */
function taken(files: readonly ReadEvent[][]): ReadEvent[] {
  let all: ReadEvent[] = [];
  for (const event of files.flat()) {
    if (event.session === 1) all = all.filter(({ step }) => step < event.step);
    else if (event.fileVersion === undefined) all.push(event);
  }
  return all;
}

/** Steps, each of which is one event or more: they never go down. */
function checkSteps(events: readonly ReadEvent[]): void {
  for (const [i, { step, wallTime }] of events.entries())
    assert.ok(
      i === 0 || (step >= events[i - 1].step && wallTime >= events[i - 1].wallTime),
      `event ${i}, step ${step}`,
    );
}

/** Four steps an epoch; the loss of a step is its number. */
async function mocked(name: string, more: object, stopAt?: number): Promise<string> {
  const stop = new AbortController();
  const { session, learner } = await mockRun(
    name,
    { tensorboard: true, ...more },
    { validated: new Array(9).fill({}) },
  );
  const train = learner.train.bind(learner);
  let n = session.step;
  learner.train = async (...args) => {
    const loss = ++n;
    if (n === stopAt) stop.abort();
    return { ...(await train(...args)), loss, cat: loss / 2, cont: loss / 2, refused: false };
  };
  await session.run(stop.signal);
  return join(mocks, name);
}

test('a step has losses, hits and rate; an epoch its row of results.csv; the end its pictures', async () => {
  const run = await mocked('whole', { epochs: 2, lr: 0.5, step_size: 1 });
  assert.equal(filesOf(run), ['events.out.tfevents.000001']);
  const events = taken(eventsIn(run));
  checkSteps(events);
  const steps = events.filter(({ scalars }) => scalars.has('step/loss'));
  assert.equal(
    steps.map(({ step, scalars }) => [step, scalars.get('step/loss')]),
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, n]),
  );
  const rows = [1, 2, 3, 4, 5, 6, 7, 8].map((step) => ({ step, epoch: step < 5 ? 1 : 2, loss: step }));
  assert.equal(
    stepsOf(run),
    rows.map((row, i) => ({
      ...{ ...row, cat: row.loss / 2, cont: row.loss / 2 },
      ...{ accuracy: steps[i].scalars.get('step/accuracy'), lr: row.epoch === 1 ? 0.5 : 0.05 },
    })),
  );
  assert.equal(
    [...steps[4].scalars.keys()],
    ['loss', 'cat', 'cont', 'accuracy', 'lr'].map((name) => `step/${name}`),
  );
  assert.equal(
    steps.map(({ scalars }) => scalars.get('step/lr')),
    [...new Array(4).fill(0.5), ...new Array(4).fill(Math.fround(0.05))],
  );
  const epochs = events.filter(({ scalars }) => scalars.has('epoch/val_loss'));
  assert.equal(
    epochs.map(({ step }) => step),
    [4, 8],
  );
  for (const [i, { epoch: _, ...row }] of readRun(run).rows.entries()) {
    const known = Object.entries(row).flatMap(([name, value]) =>
      value === null ? [] : [[`epoch/${name}`, Math.fround(value)] as const],
    );
    assert.equal(new Map([...epochs[i].scalars].sort()), new Map(known.sort()));
  }
  const images = events.flatMap(({ images, step }) => [...images].map(([tag, image]) => ({ tag, step, ...image })));
  const drawn = readdirSync(run).flatMap((name) => /^(.+)\.png$/.exec(name)?.[1] ?? []);
  assert.ok(drawn.length >= 3);
  assert.equal(images.map(({ tag }) => tag).sort(), drawn.sort());
  assert.ok(images.every(({ step }) => step === 8));
  for (const { tag, png, width, height } of images) {
    assert.ok(png.equals(readFileSync(join(run, `${tag}.png`))));
    assert.ok(width > 500 && height > 500);
  }
});

test('without --tensorboard there is no file', async () => {
  assert.equal(filesOf(await mocked('none', { epochs: 1, tensorboard: false })), []);
});

test('a run that was stopped goes on in another file; drawn again at its end, in none; steps.csv is that of one that was not', async () => {
  const settings = { epochs: 2, lr: 0.5, step_size: 1 };
  const run = await mocked('stopped', settings, 3);
  assert.is(stepsOf(run).length, 3);
  await mocked('stopped', settings);
  assert.is(readFileSync(join(run, 'steps.csv'), 'utf8'), readFileSync(join(mocks, 'whole', 'steps.csv'), 'utf8'));
  assert.is(filesOf(run).length, 2);
  const files = eventsIn(run);
  assert.equal(files[1][1].session, 1);
  const events = taken(files);
  checkSteps(events);
  const losses = events.flatMap(({ step, scalars }) =>
    scalars.has('step/loss') ? [[step, scalars.get('step/loss')]] : [],
  );
  assert.equal(
    losses,
    [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [n, n]),
  );
  await mocked('stopped', settings);
  assert.is(filesOf(run).length, 2);
});

test('killed: half a record at the end is left out, and steps after the checkpoint count once', async () => {
  const run = await mocked('killed', { epochs: 3 }, 6);
  // The checkpoint is of the 4th step; six were told, of the last half.
  const [file] = filesOf(run);
  const whole = readFileSync(join(run, file));
  writeFileSync(join(run, file), whole.subarray(0, -20));
  copyFileSync(join(run, 'weights/previous.safetensors'), join(run, 'weights/last.safetensors'));
  appendFileSync(join(run, 'steps.csv'), '7,2,0.12');
  assert.is(stepsOf(run)[6], null);
  await mocked('killed', { epochs: 3 });
  assert.equal(
    stepsOf(run).map((row) => [row?.step, row?.loss]),
    Array.from({ length: 12 }, (_, i) => [i + 1, i + 1]),
  );
  const files = eventsIn(run, true);
  assert.equal([files[1][1].session, files[1][1].step], [1, 5]);
  const events = taken(files);
  checkSteps(events);
  const of = (tag: string) => events.filter(({ scalars }) => scalars.has(tag)).map(({ step }) => step);
  assert.equal(
    of('step/loss'),
    Array.from({ length: 12 }, (_, i) => i + 1),
  );
  assert.equal(of('epoch/val_loss'), [4, 8, 12]);
});

test('their names are the run’s: none may be there before it, and no --out may be one', async () => {
  const run = join(mocks, 'whole');
  assert.ok(takenNames(run).includes(eventsFile(1)));
  assert.throws(() => checkNotOfRun(join(run, eventsFile(2))), /is a file of the run/);
  for (const n of [1, 999_999, 1_000_000]) assert.is(eventsOf(eventsFile(n)), n);
  for (const name of ['events.out.tfevents.1', 'events.out.tfevents.0000001', 'x.events.out.tfevents.000001'])
    assert.is(eventsOf(name), undefined);
});

test('the bits are the same with and without; weights and gradients are spread as they are', async () => {
  const set = await writeSyntheticSet({ out: join(dir, 'faces'), n: 14, validation: 7, size: 48 });
  const train = async (name: string, more: object): Promise<string> => {
    const args = readTrainArgs({
      ...{ image_dir: join(dir, 'faces'), data: set.training, val_data: set.validation, network: 'bregnext' },
      ...{ model: 'multi_task', image_size: 16, cache: 'off', workers: 1, batch_size: 14, epochs: 2, weight_decay: 0 },
      ...{ saved_model: join(dir, name), clip_grad_norm: 0.5, ...more },
    });
    await new Trainer(args).run();
    return args.saved_model;
  };
  const [without, run] = [await train('without', {}), await train('with', { tensorboard: true })];
  for (const file of [
    'hashes.csv',
    'weights/last.safetensors',
    'weights/best.safetensors',
    'predictions.csv',
    'steps.csv',
  ])
    assert.ok(readFileSync(join(without, file)).equals(readFileSync(join(run, file))), file);
  assert.not(existsSync(join(without, 'events.out.tfevents.000001')));

  const events = taken(eventsIn(run));
  checkSteps(events);
  assert.equal(
    events.filter(({ histograms }) => histograms.size > 0).map(({ step }) => step),
    [1, 2],
  );

  // After one step and without weight decay momentum is the gradient that it took, clipped.
  const one = await train('one', { tensorboard: true, epochs: 1 });
  const { histograms } = taken(eventsIn(one)).find(({ scalars }) => scalars.has('epoch/val_loss')) as ReadEvent;
  const { tensors } = readSafetensors(readFileSync(join(one, 'weights/last.safetensors')));
  const names = [...tensors.keys()].flatMap((name) => /^momentum\.(.*)/.exec(name)?.[1] ?? []);
  assert.is(histograms.size, 2 * names.length);
  for (const name of names)
    for (const [tag, key] of [
      [`weights/${name}`, name],
      [`gradients/${name}`, `momentum.${name}`],
    ]) {
      const { limits, counts, ...sums } = histograms.get(tag) as NonNullable<ReturnType<typeof histograms.get>>;
      assert.equal(
        { ...sums, bucketLimit: limits, bucket: counts },
        histogram(tensors.get(key)?.data as Float32Array),
        tag,
      );
    }
  assert.ok(names.some((name) => Number(histograms.get(`gradients/${name}`)?.sumSquares) > 0));
});

test.run();
