import type { Csr, Tensor } from '../autograd';
import * as F from '../autograd';
import { InputError } from '../base/errors';
import type { NetworkInput } from '../base/pixels/network_input';
import type { Device } from '../device';
import { type BregNext, bregFeatures, bregNext } from './bregnext';
import { checkImageSize, type ModelConfig } from './config';
import { DenseNet121Features } from './densenet';
import { GcnHead, GraphConvolution, normalisedAdjacency } from './gcn';
import { inputOf } from './input';
import { Linear } from './layers';
import { Module } from './module';
import { formatSummary, type Summary, summarise } from './summary';

const WORDS = 300;

/** Class scores [N, C], and valence and arousal [N, 2] where the model has them. */
export interface Prediction {
  readonly logits: Tensor;
  readonly va: Tensor | null;
}

/** One of the six networks of the paper. Names and order of its state are those of the original's checkpoints. */
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

  /** @param x images [N, 3, S, S]; @param embedding word vectors of the nodes [C + 2, 300], for emotion_gcn. */
  abstract forward(x: Tensor, embedding?: Tensor): Prediction;

  /** All but the heads: what turns an image into features. */
  abstract readonly backbone: readonly Module[];

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

class DensenetSingle extends EmotionModel {
  private readonly features = this.child('features', new DenseNet121Features(this.device));
  readonly backbone = [this.features];
  private readonly classifier = this.child('classifier', new Linear(this.device, 1024, this.classes));

  forward(x: Tensor): Prediction {
    return this.run(() => ({ logits: this.classifier.forward(averaged(this.features, x)), va: null }));
  }
}

class DensenetMulti extends EmotionModel {
  private readonly base = this.child('model_base', new DenseNet121Features(this.device));
  readonly backbone = [this.base];
  private readonly categorical = this.child('lin_cat', new Linear(this.device, 1024, this.classes));
  private readonly continuous = this.child('lin_cont', new Linear(this.device, 1024, 2));

  forward(x: Tensor): Prediction {
    return this.run(() => {
      const f = averaged(this.base, x);
      return { logits: this.categorical.forward(f), va: this.continuous.forward(f) };
    });
  }
}

const averaged = (features: DenseNet121Features, x: Tensor): Tensor =>
  F.flatten(F.adaptiveAvgPool2d(features.forward(x, 'relu'), 1));

class BregnextSingle extends EmotionModel {
  protected readonly net: BregNext = registered(bregNext(this.device), (name, m) => this.child(name, m));
  readonly backbone = [this.net.conv0, this.net.trunk];
  private readonly fc0 = this.child('_fc0', new Linear(this.device, 128, this.classes));

  features(x: Tensor): Tensor {
    return bregFeatures(this.net, x);
  }

  forward(x: Tensor): Prediction {
    return this.run(() => ({ logits: this.fc0.forward(this.features(x)), va: null }));
  }
}

class BregnextMulti extends EmotionModel {
  private readonly net: BregNext = registered(bregNext(this.device), (name, m) => this.child(name, m));
  readonly backbone = [this.net.conv0, this.net.trunk];
  private readonly continuous = this.child('fc_cont', new Linear(this.device, 128, 2));
  private readonly categorical = this.child('fc_cat', new Linear(this.device, 128, this.classes));

  forward(x: Tensor): Prediction {
    return this.run(() => {
      const f = bregFeatures(this.net, x);
      return { logits: this.categorical.forward(f), va: this.continuous.forward(f) };
    });
  }
}

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

  protected head(features: Tensor, embedding: Tensor | undefined): Prediction {
    if (!this.adjacency) throw new Error('emotion_gcn has no graph yet: give buildModel its A, or load a state dict');
    const { classes, nodes } = this;
    if (embedding?.shape.join() !== `${nodes},${WORDS}`)
      throw new InputError(`emotion_gcn: the embedding must be ${nodes}x${WORDS}, found ${embedding ?? 'none'}`);
    const scores = F.matmul(features, this.gcn.classifiers(embedding, this.adjacency), { transposeB: true });
    return { logits: F.sliceChannels(scores, 0, classes), va: F.sliceChannels(scores, classes, nodes) };
  }

  protected makeHead(width: number): GcnHead {
    return new GcnHead(
      this.child('gc1', new GraphConvolution(this.device, WORDS, 512)),
      this.child('gc2', new GraphConvolution(this.device, 512, width)),
    );
  }
}

class DensenetGcn extends Gcn {
  private readonly features = this.child('features', new DenseNet121Features(this.device));
  readonly backbone = [this.features];
  protected readonly gcn = this.makeHead(1024);

  constructor(
    device: Device,
    classes: number,
    private readonly imageSize: number,
  ) {
    super(device, classes);
  }

  /** The raw output of norm5 is max-pooled, 7x7 for 227 pixels, else 3x3. */
  forward(x: Tensor, embedding?: Tensor): Prediction {
    return this.run(() => {
      const pooled = F.maxPool2d(this.features.forward(x), { kernel: this.imageSize === 227 ? 7 : 3 });
      return this.head(F.flatten(pooled), embedding);
    });
  }
}

/** `model._fc0` is in the state and in the optimizer's list, but unused. */
class BregnextGcn extends Gcn {
  private readonly model = this.child('model', new BregnextSingle(this.device, this.classes));
  readonly backbone = this.model.backbone;
  protected readonly gcn = this.makeHead(128);

  forward(x: Tensor, embedding?: Tensor): Prediction {
    return this.run(() => this.head(this.model.features(x), embedding));
  }
}

/** Builds one of the six networks; its parameters are undefined until `initialise` or `loadStateDict`. */
export function buildModel(device: Device, config: ModelConfig & { readonly A?: Float32Array }): EmotionModel {
  checkImageSize(config);
  const net = emptyModel(device, config);
  net.input = inputOf(config.network);
  return net;
}

function emptyModel(device: Device, config: ModelConfig & { readonly A?: Float32Array }): EmotionModel {
  const { model, network, imageSize, classes = 7, A } = config;
  if (model === 'emotion_gcn') {
    const net = network === 'densenet' ? new DensenetGcn(device, classes, imageSize) : new BregnextGcn(device, classes);
    if (A) net.setGraph(A);
    return net;
  }
  if (model === 'single_task')
    return network === 'densenet' ? new DensenetSingle(device, classes) : new BregnextSingle(device, classes);
  return network === 'densenet' ? new DensenetMulti(device, classes) : new BregnextMulti(device, classes);
}
