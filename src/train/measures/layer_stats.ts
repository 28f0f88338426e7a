// How the layers of a network are: their weights, their gradients, and what they make of some faces.
import { empty, matrixOf, observeActivations, type RunningNorm, spreadOf, type Tensor } from '../../autograd';
import { copyChannels } from '../../kernels/channels';
import { GraphConvolution, type Module, observe, type StateEntry } from '../../models';
import type { PageLayers, PageSpread } from '../../page/protocol';

/** Faces whose outputs are looked at: the first of a batch, and fewer where a layer makes more than MOST of them, but one in any case. */
const FACES = 4;
const MOST = 2 ** 19;
/** Outputs that are copied together on their way to the CPU: 16 MiB. */
const CHUNK = 2 ** 22;
const BINS = 30;

export type LayerStats = PageLayers['layers'][number];

/** Outputs on their way to the CPU: pixels, each a row of channels. */
interface Copied {
  readonly chunk: { numbers: Promise<Float32Array> | null };
  readonly at: number;
  readonly rows: number;
  readonly channels: number;
}

/** Who reads a layer's output: an activation, maybe behind a norm in which the layer's first channel is `first`. */
interface Reader {
  readonly activation: string;
  readonly norm: RunningNorm | null;
  readonly first: number;
  /** What it reads where that is made from the output, such as its sum with a shortcut; null: the output itself. */
  readonly sum: Copied | null;
}

interface Seen {
  readonly output: Copied;
  readonly value: Tensor['value'];
  readonly columns: readonly [number, number];
  readonly readers: Reader[];
}

/** The layers of a state dict: what has a matrix or kernel as its weight. */
const layersOf = (state: ReadonlyMap<string, { readonly shape: readonly number[] }>): string[] =>
  [...state].flatMap(([name, { shape }]) => (name.endsWith('.weight') && shape.length >= 2 ? [name.slice(0, -7)] : []));

/** What the layers of a network make of some faces, copied as it is made. */
export class LayerLook {
  private readonly seen = new Map<string, Seen>();
  private chunk: { tensor: Tensor; used: number; numbers: Promise<Float32Array> | null } | null = null;

  private constructor(
    private readonly model: Module,
    /** In the batch. */
    private readonly faces: number,
  ) {}

  /** Looks on as `forward` shows the network a batch of faces in evaluation mode. It computes nothing besides, and changes nothing. */
  static at<T>(model: Module, faces: number, forward: () => T): { result: T; look: LayerLook } {
    const look = new LayerLook(model, faces);
    const layers = new Set(layersOf(new Map([...model.namedParameters()])));
    const names = new Map([...model.namedModules()].map(([name, module]) => [module, name]));
    const result = observe(
      (module, output) => {
        const name = names.get(module);
        if (name !== undefined && layers.has(name)) look.layer(name, output, module instanceof GraphConvolution);
      },
      () => observeActivations((x, activation, norm) => look.reader(x, activation, norm), forward),
    );
    look.read();
    return { result, look };
  }

  private layer(name: string, output: Tensor, ofGraph: boolean): void {
    const { value, columns } = output;
    this.seen.set(name, { output: this.copy(output, ofGraph), value, columns, readers: [] });
  }

  private reader(x: Tensor, activation: string, norm: RunningNorm | null): void {
    const [from, to] = x.columns;
    let known = false;
    for (const { value, columns, readers } of this.seen.values()) {
      if (value !== x.value || columns[0] < from || columns[1] > to) continue;
      readers.push({ activation, norm, first: columns[0] - from, sum: null });
      known = true;
    }
    // What is made from layers' outputs belongs to the last of them.
    const last = [...this.seen.values()].at(-1);
    if (known || !last || last.readers.length > 0 || last.output.channels !== x.shape[1]) return;
    last.readers.push({ activation, norm, first: 0, sum: this.copy(x, false) });
  }

  /** Copies the rows of some faces; all that are no faces'. */
  private copy(x: Tensor, whole: boolean): Copied {
    const { device } = x;
    const { rows: all, channels, ...matrix } = matrixOf(x);
    const each = all / this.faces;
    const rows = whole
      ? all
      : each * Math.min(this.faces, Math.max(1, Math.min(FACES, Math.floor(MOST / (each * channels)))));
    const size = rows * channels;
    if (this.chunk && this.chunk.tensor.size - this.chunk.used < size) this.read();
    this.chunk ??= {
      tensor: device.persistent(() => empty(device, [Math.max(CHUNK, size)], { name: 'outputs' })),
      used: 0,
      numbers: null,
    };
    const { chunk } = this;
    const copied = { chunk, at: chunk.used, rows, channels };
    const to = {
      storage: chunk.tensor.storage,
      dtype: 'f32',
      rows,
      channels,
      stride: channels,
      offset: chunk.used,
    } as const;
    copyChannels(device, { ...matrix, rows, channels }, to, false);
    // Rows of fours stay aligned.
    chunk.used = Math.ceil((chunk.used + size) / 4) * 4;
    return copied;
  }

  /** Records the way of what was copied to the CPU, and gives its memory back. */
  private read(): void {
    if (!this.chunk) return;
    const { tensor } = this.chunk;
    this.chunk.numbers = tensor.data();
    // Its error is thrown where it is awaited.
    this.chunk.numbers.catch(() => {});
    tensor.device.free(tensor.storage);
    this.chunk = null;
  }

  /** Of each layer, by its name. @param state as it was when it was looked at */
  async activations(
    state: ReadonlyMap<string, StateEntry>,
  ): Promise<Map<string, Pick<LayerStats, 'activations' | 'dead'>>> {
    const names = new Map([...this.model.namedState()].map(([name, t]) => [t as object, name]));
    const numbersOf = (t: Tensor): ArrayLike<number> => state.get(names.get(t) as string)?.data as Float32Array;
    const found = new Map<string, Pick<LayerStats, 'activations' | 'dead'>>();
    for (const [name, { output, readers }] of this.seen) {
      const own = await rangesOf(output);
      const shown = await Promise.all(
        readers.map(async (reader) => ({ reader, ranges: reader.sum ? await rangesOf(reader.sum) : own })),
      );
      const tests = shown.map(({ reader, ranges }) => isZero(reader, ranges, numbersOf));
      if (tests.length === 0) tests.push((c) => own.low[c] === 0 && own.high[c] === 0);
      let dead = 0;
      for (let c = 0; c < output.channels; c++) if (tests.every((zero) => zero(c))) dead++;
      found.set(name, { activations: pageSpread(await numbersIn(output)), dead: dead / output.channels });
    }
    return found;
  }
}

async function numbersIn({ chunk, at, rows, channels }: Copied): Promise<Float32Array> {
  return ((await chunk.numbers) as Float32Array).subarray(at, at + rows * channels);
}

interface Ranges {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** The least and the largest number of each channel. */
async function rangesOf(copied: Copied): Promise<Ranges> {
  const { channels } = copied;
  const numbers = await numbersIn(copied);
  const [low, high] = [numbers.slice(0, channels), numbers.slice(0, channels)];
  for (let at = channels; at < numbers.length; at += channels)
    for (let c = 0; c < channels; c++) {
      const v = numbers[at + c];
      if (v < low[c]) low[c] = v;
      if (v > high[c]) high[c] = v;
    }
  return { low, high };
}

/** Whether a reader gets 0 of all of a channel: of activations that never fall again, both ends tell. */
function isZero(
  { activation, norm, first }: Reader,
  { low, high }: Ranges,
  numbersOf: (t: Tensor) => ArrayLike<number>,
): (channel: number) => boolean {
  const clips = activation === 'relu' || activation === 'relu6';
  const [weight, bias, mean, variance] = norm
    ? [norm.weight, norm.bias, norm.runningMean, norm.runningVar].map(numbersOf)
    : [];
  return (channel) => {
    const c = first + channel;
    const ends = [low[channel], high[channel]].map((v) =>
      norm ? ((v - mean[c]) / Math.sqrt(variance[c] + norm.eps)) * weight[c] + bias[c] : v,
    );
    return ends.every((z) => (clips ? z <= 0 : z === 0));
  };
}

/** Five digits are more than a picture shows. */
const figure = (v: number): number => Number(v.toPrecision(5));

function pageSpread(numbers: Float32Array): PageSpread | null {
  const { mean, std, histogram } = spreadOf(numbers, BINS);
  if (Number.isNaN(mean)) return null;
  const { from, to, counts } = histogram;
  return { from: figure(from), to: figure(to), mean: figure(mean), std: figure(std), counts };
}

function normOf(numbers: Float32Array): number {
  let square = 0;
  for (const v of numbers) square += v * v;
  return Math.sqrt(square);
}

/**
 * All layers of a network, in the order of its state dict.
 * @param gradients by their parameters' names: of layers that are missing none was taken
 * @param look null: no activations
 */
export async function layerStats(
  state: ReadonlyMap<string, StateEntry>,
  gradients: ReadonlyMap<string, Float32Array>,
  look: LayerLook | null,
): Promise<LayerStats[]> {
  const activations = await look?.activations(state);
  return layersOf(state).map((name) => {
    const gradient = gradients.get(`${name}.weight`);
    return {
      name,
      weights: pageSpread(state.get(`${name}.weight`)?.data as Float32Array),
      gradients: gradient ? pageSpread(gradient) : null,
      gradient_norm: gradient ? figure(normOf(gradient)) : null,
      ...(activations?.get(name) ?? { activations: null, dead: null }),
    };
  });
}
