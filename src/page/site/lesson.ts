// Teaching, in the worker: a new last layer on a network that is there, and, if asked, the network with it.
import {
  Adam,
  backward,
  crossEntropy,
  type FaceNetwork,
  labels as labelTensor,
  noGrad,
  type RgbImage,
  randomPermutation,
  randomStream,
  randomUniform,
  readAll,
  resizePicture,
  step,
  type Tensor,
  tensor,
} from '../../browser';
import type { Crop, Lap, Lesson } from './messages';

/** Pictures that go through the network at once. */
const AT_ONCE = 8;

/** Of Adam: of the last layer on fixed features, then of it and of all before it, where the whole is taught. */
const RATES = { head: 0.01, finer: 0.001, body: 0.0003 };

/** Epochs of the last layer before the whole network is taught: it begins with a layer that does not tear at it. */
const FIRST = 30;

interface Told {
  tell(lap: Lap): void;
  stopped(): boolean;
}

interface Examples {
  readonly crops: readonly RgbImage[];
  readonly labels: readonly number[];
}

/**
 * Teaches `single_task` on the backbone of a network: on features that are computed once, of each picture and its mirror image; then, with
 * `whole`, all of it, in evaluation mode (so few pictures have no statistics to speak of). Every fifth picture of a label, of three or more
 * one at least, is held out.
 * @throws InputError for labels that cannot be classes
 */
export async function learn(
  from: FaceNetwork,
  { labels, examples, whole, epochs }: Lesson,
  { tell, stopped }: Told,
): Promise<{ taught: FaceNetwork; last: Lap }> {
  const taught = await from.withClasses(labels);
  const { model: net, imageSize } = taught;
  const { device } = net;
  const { trained, held } = split(examples, labels.length, imageSize);
  const body = net.backbone.flatMap((part) => part.parameters());
  const head = net.parameters().filter((p) => !body.includes(p));
  const total = epochs + (whole ? FIRST : 0);

  const seen = await rowsOf(taught, [...trained.crops, ...trained.crops.map(mirrored)]);
  const truth = labelTensor(device, [...trained.labels, ...trained.labels], labels.length);
  const unseen = held.crops.length > 0 ? await rowsOf(taught, held.crops) : null;
  const count = { epochs: total, held: held.labels.length };

  const scored = (logits: readonly Float32Array[]) => score(logits, held.labels, labels.length);
  const onRows = async (): Promise<Pick<Lap, 'heldLoss' | 'accuracy'>> =>
    scored(unseen ? await step(device, () => noGrad(() => readAll([net.heads(unseen).logits]))) : []);
  const read = (work: () => Tensor): Promise<Float32Array[]> => step(device, () => readAll([work()]));
  const lossOf = async (work: () => Tensor): Promise<number> => {
    const loss = (await read(work))[0][0];
    if (!Number.isFinite(loss))
      throw new Error('the loss is no number any more: take more pictures, or teach the last layer alone');
    return loss;
  };

  const optimizer = new Adam(head, { lr: RATES.head });
  const start = await lossOf(() => noGrad(() => crossEntropy(net.heads(seen).logits, truth)));
  let last: Lap = { epoch: 0, loss: start, ...(await onRows()), ...count };
  tell(last);
  for (let epoch = 1; epoch <= (whole ? FIRST : epochs) && !stopped(); epoch++) {
    const loss = await lossOf(() => {
      optimizer.zeroGrad();
      const loss = crossEntropy(net.heads(seen).logits, truth);
      backward(loss);
      optimizer.step();
      return loss;
    });
    last = { epoch, loss, ...(await onRows()), ...count };
    tell(last);
  }
  if (whole) {
    const groups = [{ params: head, lr: RATES.finer }, { params: body }];
    const finer = new Adam(groups, { lr: RATES.body });
    const n = trained.crops.length;
    const size = Math.min(AT_ONCE, n);
    for (let epoch = FIRST + 1; epoch <= total && !stopped(); epoch++) {
      const order = randomPermutation(randomStream('order', epoch), n);
      const turns = randomStream('mirror', epoch);
      let sum = 0;
      let steps = 0;
      for (let from = 0; from < n && !stopped(); from += size, steps++) {
        const rows = Array.from({ length: size }, (_, i) => order[(from + i) % n]);
        const crops = rows.map((row, i) =>
          (randomUniform(turns, from + i) < 0.5 ? mirrored : same)(trained.crops[row]),
        );
        sum += await lossOf(() => {
          finer.zeroGrad();
          const targets = labelTensor(
            device,
            rows.map((row) => trained.labels[row]),
            labels.length,
          );
          const loss = crossEntropy(net.forward(taught.input(crops)).logits, targets);
          backward(loss);
          finer.step();
          return loss;
        });
      }
      const logits: Float32Array[] = [];
      for (const some of groupsOf(held.crops))
        logits.push(...(await step(device, () => noGrad(() => readAll([net.forward(taught.input(some)).logits])))));
      if (steps > 0) last = { epoch, loss: sum / steps, ...scored(logits), ...count };
      tell(last);
    }
  }
  return { taught, last };
}

function split(examples: Lesson['examples'], classes: number, size: number): { trained: Examples; held: Examples } {
  const empty = () => ({ crops: [] as RgbImage[], labels: [] as number[] });
  const parts = { trained: empty(), held: empty() };
  for (let label = 0; label < classes; label++) {
    const own = examples.filter((example) => example.label === label);
    const out = own.length < 3 ? 0 : Math.max(1, Math.floor(own.length / 5));
    for (const [i, example] of own.entries()) {
      // Evenly: what was taken one after the other is alike.
      const part =
        Math.floor(((i + 1) * out) / own.length) > Math.floor((i * out) / own.length) ? parts.held : parts.trained;
      part.crops.push(sized(example, size));
      part.labels.push(label);
    }
  }
  return parts;
}

/** Another size, where it was taken for another network. */
const sized = ({ size, pixels }: Crop, wanted: number): RgbImage =>
  resizePicture({ width: size, height: size, data: pixels }, wanted, wanted);

const same = (picture: RgbImage): RgbImage => picture;

function mirrored({ width, height, data }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0, o = 0; y < height; y++)
    for (let x = width - 1; x >= 0; x--, o += 3) {
      const from = (y * width + x) * 3;
      out.set(data.subarray(from, from + 3), o);
    }
  return { width, height, data: out };
}

function* groupsOf(pictures: readonly RgbImage[]): Generator<readonly RgbImage[]> {
  for (let i = 0; i < pictures.length; i += AT_ONCE) yield pictures.slice(i, i + AT_ONCE);
}

/** The features of pictures, [N, width]. */
async function rowsOf(network: FaceNetwork, pictures: readonly RgbImage[]): Promise<Tensor> {
  const { model } = network;
  const all = new Float32Array(pictures.length * model.width);
  let at = 0;
  for (const some of groupsOf(pictures)) {
    const [rows] = await step(model.device, () => noGrad(() => readAll([model.features(network.input(some))])));
    all.set(rows, at);
    at += rows.length;
  }
  return tensor(model.device, all, [pictures.length, model.width], { name: 'features' });
}

/** Mean cross entropy and accuracy of logits, N x C in all. */
function score(
  logits: readonly Float32Array[],
  labels: readonly number[],
  classes: number,
): Pick<Lap, 'heldLoss' | 'accuracy'> {
  if (labels.length === 0) return { heldLoss: null, accuracy: null };
  const all = logits.flatMap((part) => [...part]);
  let [loss, right] = [0, 0];
  for (const [i, label] of labels.entries()) {
    const row = all.slice(i * classes, (i + 1) * classes);
    const most = Math.max(...row);
    loss += most + Math.log(row.reduce((sum, x) => sum + Math.exp(x - most), 0)) - row[label];
    if (row.indexOf(most) === label) right++;
  }
  return { heldLoss: loss / labels.length, accuracy: right / labels.length };
}
