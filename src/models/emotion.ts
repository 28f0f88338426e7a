import type { Csr, Tensor } from '../autograd';
import * as F from '../autograd';
import { InputError } from '../base/errors';
import type { NetworkInput } from '../base/pixels/network_input';
import type { Device } from '../device';
import { BREG_WIDTH, type BregNext, bregNext } from './bregnext';
import { checkImageSize, type ModelConfig } from './config';
import { DenseLiteFeatures } from './denselite';
import { DenseNet121Features } from './densenet';
import { GcnHead, GraphConvolution, normalisedAdjacency } from './gcn';
import { inputOf } from './input';
import { Linear } from './layers';
import { MobileNetFeatures } from './mobilenet';
import { Module } from './module';
import { formatSummary, type Summary, summarise } from './summary';

const WORDS = 300;

/** Class scores [N, C], and valence and arousal [N, 2] where the model has them. */
export interface Prediction {
  readonly logits: Tensor;
  readonly va: Tensor | null;
}

/**
 * One of the three models of the paper on one of the networks. Names and order of its state are those of the original's checkpoints,
 * where it has the network.
 * @example
 * const net: EmotionModel = buildModel(device, { model: 'single_task', network: 'mobilenet', imageSize: 64 });
 * net.classes; // 7
 * console.log(net.summary({ imageSize: 64 }));
 */
export abstract class EmotionModel extends Module {
  /** What its images are of pictures: `buildModel` says. */
  input: NetworkInput = inputOf('densenet');

  /** @param classes C, how many classes it tells apart */
  constructor(
    device: Device,
    readonly classes: number,
  ) {
    super(device);
  }

  /** All but the heads: what turns an image into features. */
  abstract readonly backbone: readonly Module[];

  /** @internal */
  protected abstract readonly body: Backbone;

  /** How many features an image has. */
  get width(): number {
    return this.body.width;
  }

  /** The backbone: images [N, 3, S, S] give features [N, width]. */
  features(x: Tensor): Tensor {
    return this.run(() => this.pool(this.map(x)));
  }

  /** All of the backbone before its pooling: images [N, 3, S, S] give the last map [N, width, H, W]. */
  map(x: Tensor): Tensor {
    return this.run(() => this.body.map(x));
  }

  /** The backbone's end: a map as `map` gives it gives features [N, width]. */
  pool(map: Tensor): Tensor {
    return F.flatten(this.body.pool(map));
  }

  /** What the heads say of features [N, width]. @param embedding word vectors of the nodes [C + 2, 300], for emotion_gcn */
  abstract heads(features: Tensor, embedding?: Tensor): Prediction;

  /** Backbone and heads. @param x images [N, 3, S, S]; @param embedding as of `heads` */
  forward(x: Tensor, embedding?: Tensor): Prediction {
    return this.run(() => this.heads(this.features(x), embedding));
  }

  /**
   * Layers with their shapes, parameters and multiply-adds for `batch` images of a side of `imageSize` pixels.
   * @throws InputError when the model cannot take images of that size
   */
  summarise({ imageSize, batch = 1 }: { readonly imageSize: number; readonly batch?: number }): Summary {
    return summarise(this, () => {
      const x = F.empty(this.device, [batch, 3, imageSize, imageSize], { name: 'images' });
      this.forward(x, F.empty(this.device, [this.classes + 2, WORDS], { name: 'embedding' }));
    });
  }

  /** The same as a table to print. */
  summary(of: { readonly imageSize: number; readonly batch?: number }): string {
    return formatSummary(this.summarise(of));
  }
}

/** What turns images [N, 3, S, S] into a map [N, width, H, W], and that into [N, width, 1, 1]. */
interface Backbone {
  readonly width: number;
  map(x: Tensor): Tensor;
  pool(map: Tensor): Tensor;
}

/** One that is a module of its own. */
interface Net extends Backbone {
  readonly net: Module;
}

const mean = (map: Tensor): Tensor => F.adaptiveAvgPool2d(map, 1);

/** @param imageSize of emotion_gcn: it max-pools the raw output of norm5, 7x7 for 227 pixels, else 3x3; null: the mean of its relu. */
function densenet(device: Device, imageSize: number | null): Net {
  const net = new DenseNet121Features(device);
  if (imageSize === null) return { net, width: 1024, map: (x) => net.forward(x, 'relu'), pool: mean };
  const kernel = imageSize === 227 ? 7 : 3;
  return { net, width: 1024, map: (x) => net.forward(x), pool: (map) => F.maxPool2d(map, { kernel }) };
}

function backbone(device: Device, { model, network, imageSize }: ModelConfig): Net {
  if (network === 'densenet') return densenet(device, model === 'emotion_gcn' ? imageSize : null);
  const kind = network === 'denselite' ? DenseLiteFeatures : MobileNetFeatures;
  const net = new kind(device);
  return { net, width: kind.width, map: (x) => net.map(x), pool: mean };
}

class SingleTask extends EmotionModel {
  readonly backbone: readonly Module[];
  private readonly classifier: Linear;

  constructor(
    device: Device,
    classes: number,
    protected readonly body: Net,
  ) {
    super(device, classes);
    this.backbone = [this.child('features', body.net)];
    this.classifier = this.child('classifier', new Linear(device, body.width, classes));
  }

  heads(features: Tensor): Prediction {
    return { logits: this.classifier.forward(features), va: null };
  }
}

class MultiTask extends EmotionModel {
  readonly backbone: readonly Module[];
  private readonly categorical: Linear;
  private readonly continuous: Linear;

  /** @param name of the backbone in the state */
  constructor(
    device: Device,
    classes: number,
    protected readonly body: Net,
    name: string,
  ) {
    super(device, classes);
    this.backbone = [this.child(name, body.net)];
    this.categorical = this.child('lin_cat', new Linear(device, body.width, classes));
    this.continuous = this.child('lin_cont', new Linear(device, body.width, 2));
  }

  heads(features: Tensor): Prediction {
    return { logits: this.categorical.forward(features), va: this.continuous.forward(features) };
  }
}

class BregnextSingle extends EmotionModel {
  protected readonly net: BregNext = registered(bregNext(this.device), (name, m) => this.child(name, m));
  readonly backbone = [this.net.conv0, this.net.trunk];
  readonly body = bregBackbone(this.net);
  private readonly fc0 = this.child('_fc0', new Linear(this.device, BREG_WIDTH, this.classes));

  heads(features: Tensor): Prediction {
    return { logits: this.fc0.forward(features), va: null };
  }
}

class BregnextMulti extends EmotionModel {
  private readonly net: BregNext = registered(bregNext(this.device), (name, m) => this.child(name, m));
  readonly backbone = [this.net.conv0, this.net.trunk];
  protected readonly body = bregBackbone(this.net);
  private readonly continuous = this.child('fc_cont', new Linear(this.device, BREG_WIDTH, 2));
  private readonly categorical = this.child('fc_cat', new Linear(this.device, BREG_WIDTH, this.classes));

  heads(features: Tensor): Prediction {
    return { logits: this.categorical.forward(features), va: this.continuous.forward(features) };
  }
}

const bregBackbone = ({ conv0, trunk }: BregNext): Backbone => ({
  width: BREG_WIDTH,
  map: (x) => trunk.forward(conv0.forward(x)),
  pool: mean,
});

function registered(net: BregNext, child: (name: string, module: Module) => void): BregNext {
  child('_conv0', net.conv0);
  child('_model', net.trunk);
  return net;
}

/**
 * Emotion-GCN: features times classifiers that a GCN makes; the columns are the classes, valence and arousal. `A` is in
 * the state and in the optimizer's list, but never gets a gradient.
 */
abstract class Gcn extends EmotionModel {
  private readonly nodes = this.classes + 2;
  private readonly A = this.parameter('A', [this.nodes, this.nodes], { kind: 'given' });
  private adjacency: Csr | null = null;
  protected abstract readonly gcn: GcnHead;

  constructor(device: Device, classes: number) {
    super(device, classes);
    this.A.requiresGrad = false;
  }

  /** Sets the graph: A [C + 2, C + 2] row by row, as `adjacency` of the data room gives it. */
  setGraph(a: Float32Array): void {
    this.touch();
    this.A.write(a);
    this.loaded('A', a);
  }

  protected override loaded(name: string, data: Float32Array): void {
    const n = this.nodes;
    if (name === 'A') this.adjacency = F.csrFromDense(this.device, normalisedAdjacency(data, n), n, n);
  }

  heads(features: Tensor, embedding?: Tensor): Prediction {
    if (!this.adjacency) throw new Error('emotion_gcn has no graph yet: give buildModel its A, or load a state dict');
    const { classes, nodes } = this;
    if (embedding?.shape.join() !== `${nodes},${WORDS}`)
      throw new InputError(`emotion_gcn: the embedding must be ${nodes}x${WORDS}, found ${embedding ?? 'none'}`);
    const { adjacency } = this;
    return this.run(() => {
      const scores = F.matmul(features, this.gcn.classifiers(embedding, adjacency), { transposeB: true });
      return { logits: F.sliceChannels(scores, 0, classes), va: F.sliceChannels(scores, classes, nodes) };
    });
  }

  protected makeHead(width: number): GcnHead {
    return new GcnHead(
      this.child('gc1', new GraphConvolution(this.device, WORDS, 512)),
      this.child('gc2', new GraphConvolution(this.device, 512, width)),
    );
  }
}

class EmotionGcn extends Gcn {
  readonly backbone: readonly Module[];
  protected readonly gcn: GcnHead;

  constructor(
    device: Device,
    classes: number,
    protected readonly body: Net,
  ) {
    super(device, classes);
    this.backbone = [this.child('features', body.net)];
    this.gcn = this.makeHead(body.width);
  }
}

/** `model._fc0` is in the state and in the optimizer's list, but unused. */
class BregnextGcn extends Gcn {
  private readonly model = this.child('model', new BregnextSingle(this.device, this.classes));
  readonly backbone = this.model.backbone;
  protected readonly body = this.model.body;
  protected readonly gcn = this.makeHead(BREG_WIDTH);
}

/**
 * Builds a model on one of the networks; its parameters are undefined until `initialise` or `loadStateDict`.
 * @example
 * const net = buildModel(device, { model: 'multi_task', network: 'denselite', imageSize: 32 }).initialise(1).eval();
 * const { logits, va } = noGrad(() => net.forward(zeros(device, [1, 3, 32, 32])));
 * logits.shape; // [1, 7]
 * va?.shape; // [1, 2]
 */
export function buildModel(device: Device, config: ModelConfig & { readonly A?: Float32Array }): EmotionModel {
  checkImageSize(config);
  const net = emptyModel(device, config);
  net.input = inputOf(config.network);
  if (config.A && net instanceof Gcn) net.setGraph(config.A);
  return net;
}

function emptyModel(device: Device, config: ModelConfig): EmotionModel {
  const { model, network, classes = 7 } = config;
  if (network === 'bregnext') {
    if (model === 'emotion_gcn') return new BregnextGcn(device, classes);
    return model === 'single_task' ? new BregnextSingle(device, classes) : new BregnextMulti(device, classes);
  }
  const body = backbone(device, config);
  if (model === 'emotion_gcn') return new EmotionGcn(device, classes, body);
  if (model === 'single_task') return new SingleTask(device, classes, body);
  return new MultiTask(device, classes, body, network === 'densenet' ? 'model_base' : 'features');
}
