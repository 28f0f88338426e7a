// SGD steps of emotion_gcn, loss for loss, over four made-up batches in turn.
import { backward, noGrad, SGD, step, type Tensor, tensor } from '../../src/autograd';
import type { Device } from '../../src/device';
import type { EmotionModel } from '../../src/models';
import { type Check, compareFigure, compareNames, compareStored, FINAL, failure, type Numbers } from './compare';
import type { Fixture, HashSpec, Input } from './fixture';
import { filledModel, inputTensor, labelTensor, losses, readState, release } from './network';
import { compareRows, ownErrors, type RowLimit, rowSize } from './rows';

export interface Batch {
  images: Input;
  labels: Numbers;
  va: Float32Array;
}

/** `final.*` says something only where PyTorch's own relative error is below this. */
const MEANINGFUL = 1e-3;

export async function checkTrajectory(device: Device, fixture: Fixture): Promise<Check[]> {
  const inputs = fixture.needed<HashSpec[]>('inputs');
  const batch = (s: number): Batch => {
    const i = s % inputs.length;
    return {
      images: fixture.hashed(inputs[i]),
      labels: fixture.numbers(`labels.${i}`),
      va: Float32Array.from(fixture.numbers(`va.${i}`)),
    };
  };
  // A short run need not reach all four.
  for (const i of inputs.keys()) fixture.ignore(`labels.${i}`, `va.${i}`);
  const weights = fixture.needed<number[]>('class_weights');
  return compareRun(device, fixture, batch, weights, () => batch(0).images);
}

/** Trains as the fixture says and compares every step's losses, then the parameters and the last evaluation. */
export async function compareRun(
  device: Device,
  fixture: Fixture,
  batch: (s: number) => Batch | Promise<Batch>,
  classes: number[],
  evaluated: () => Input | Promise<Input>,
): Promise<Check[]> {
  const { model, emb, history } = await train(device, fixture, batch, classes);
  const checks = compareLosses(fixture, history);
  checks.push(...(await compareFinal(device, fixture, model, emb, await evaluated())));
  release(device, model);
  return checks;
}

/** The steps of a fixture from its start on, with their losses. */
export async function train(
  device: Device,
  fixture: Fixture,
  batch: (s: number) => Batch | Promise<Batch>,
  classes: number[],
): Promise<{ model: EmotionModel; emb: Tensor; history: number[][] }> {
  const model = filledModel(device, fixture).train();
  const emb = inputTensor(device, fixture, 'emb');
  const weights = tensor(device, classes, [classes.length]);
  const optimizer = new SGD(model.parameters(), {
    lr: fixture.number('lr'),
    momentum: fixture.number('momentum', 0),
    weightDecay: fixture.number('weight_decay', 0),
  });
  const history: number[][] = [];
  for (let s = 0; s < fixture.number('steps'); s++) {
    history.push(await trainStep(device, model, optimizer, await batch(s), emb, weights));
  }
  return { model, emb, history };
}

async function trainStep(
  device: Device,
  model: EmotionModel,
  optimizer: SGD,
  { images, labels, va }: Batch,
  emb: Tensor,
  weights: Tensor,
): Promise<number[]> {
  const parts = step(device, () => {
    optimizer.zeroGrad();
    const out = model.forward(tensor(device, images.data, images.shape), emb);
    const l = losses(out, labelTensor(device, labels), tensor(device, va, [va.length / 2, 2]), weights);
    backward(l.total);
    optimizer.step();
    return [l.total, l.cat, l.cont ?? l.cat];
  });
  const read: number[] = [];
  for (const t of parts) read.push(await t.item());
  return read;
}

/** At step s: ten times the largest deviation of PyTorch's two float32 runs so far, over all columns, + 3e-6. */
function compareLosses(fixture: Fixture, history: number[][]): Check[] {
  const floats = ['losses.f32', 'losses.f32_alt']
    .filter((name) => fixture.has(name))
    .map((name) => fixture.numbers(name));
  if (!fixture.has('losses.f64ref')) return [];
  const ref = fixture.numbers('losses.f64ref');
  const columns = fixture.needed<string[]>('columns');
  if (ref.length !== history.length * columns.length) {
    return [failure('losses', `${ref.length} numbers for ${history.length} steps of ${columns.length}`)];
  }
  let own = 0;
  return history.flatMap((row, s) => {
    for (const f of floats)
      columns.forEach((_, c) => {
        own = Math.max(own, Math.abs(f[s * columns.length + c] - ref[s * columns.length + c]));
      });
    return columns.map((column, c) => {
      const limit = FINAL.factor * own + FINAL.floor;
      const expected = ref[s * columns.length + c];
      return compareFigure(`step ${s} ${column}`, row[c], expected, { own: own / Math.abs(expected), limit });
    });
  });
}

async function compareFinal(
  device: Device,
  fixture: Fixture,
  model: EmotionModel,
  emb: Tensor,
  images: Input,
): Promise<Check[]> {
  const state = await readState(model);
  const values = (name: string): Numbers | undefined => state.get(name);
  // A row of one number may be right by luck: PyTorch's own error counts as the rows' median at least.
  const errors = ownErrors(fixture, 'final', () => true);
  const median = errors[errors.length >> 1];
  const checks = compareRows(fixture, 'final', values, (name, got, own): RowLimit | null => {
    if (own.relL2 >= MEANINGFUL) return null;
    const size = rowSize(name, got, values);
    return { size, limit: (FINAL.factor * Math.max(own.relL2, median) + FINAL.floor) * size };
  });
  if (fixture.json('final.names')) {
    checks.push(compareNames('final.names', [...state.keys()], fixture.needed<string[]>('final.names')));
  }
  if (!fixture.has('final.eval.f64ref')) return checks;
  const ref = fixture.numbers('final.eval.f64ref');
  const own = fixture.own('final.eval');
  if (own.relL2 >= MEANINGFUL) return checks;

  model.eval();
  const x = tensor(device, images.data, images.shape);
  const out = step(device, () => noGrad(() => model.forward(x, emb)));
  const [logits, va] = [await out.logits.data(), (await out.va?.data()) ?? []];
  const n = images.shape[0];
  const [classes, rest] = [logits.length / n, va.length / n];
  const got = Float32Array.from({ length: ref.length }, (_, i) => {
    const [row, column] = [Math.floor(i / (classes + rest)), i % (classes + rest)];
    return column < classes ? logits[row * classes + column] : va[row * rest + column - classes];
  });
  checks.push(compareStored('final.eval', got, ref, own, FINAL));
  return checks;
}
