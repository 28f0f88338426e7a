// A trained network in a page: from the bytes of its files to what it says of a face.
import { empty, noGrad, readAll, step, type Tensor, tensor } from '../autograd';
import { areClassNames, CLASSES, MAX_CLASSES, nodesOf } from '../base/emotions';
import { InputError } from '../base/errors';
import { alignMatrix, type Matrix2x3, type Rectangle } from '../base/pixels/align';
import { cropBox } from '../base/pixels/crop';
import { prepareFace, prepareKnown } from '../base/pixels/face';
import { toTensor } from '../base/pixels/normalise';
import type { RgbImage } from '../base/pixels/rgb_image';
import { softmax } from '../base/softmax';
import type { Device } from '../device';
import type { FoundFace } from '../faces/finder';
import { asKnownFace } from '../faces/geometry';
import { networkMetadata, type ToldNetwork, toldNetwork } from '../formats/network_metadata';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import { plainNames } from '../formats/state_dict';
import { stateOf } from '../formats/weights';
import {
  buildModel,
  type EmotionModel,
  type Identity,
  identify,
  imageSizeWanted,
  type StateEntry,
  sharedName,
} from '../models';
import { expressionState, type FaceWeights } from '../models/face_api';
import { type PagePicture, rgbOf } from './picture';

/** Of a run's args.json what must be known to use its weights; what else is in it does not matter here. */
export interface FaceNetworkArgs extends ToldNetwork {
  /** false: faces are cut, but not levelled by their eyes. */
  readonly align?: boolean | 'open';
}

/** What a network is loaded from. */
export interface NetworkFiles {
  /**
   * A safetensors file: `weights/best.safetensors` of a run, one that `export` wrote, or one of a page's own; or the tensors of face-api's
   * `face_expression_model`, as `fetchFaceWeights` gives them.
   */
  readonly weights: Uint8Array | ArrayBuffer | FaceWeights;
  /** The parsed args.json of the run, or config.json of an export. Not needed where the file's metadata tell of the network. */
  readonly args?: Partial<FaceNetworkArgs>;
  /** `emb.safetensors` of the run: the word vectors that emotion_gcn was trained with. */
  readonly embedding?: Uint8Array | ArrayBuffer;
}

/** What a network says of a face. */
export interface Expression {
  /** The likeliest class. */
  readonly expression: string;
  /** Of each class, by softmax. */
  readonly probabilities: Record<string, number>;
  /** From -1 to 1; null where the model has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
}

/** Numbers of a word vector. */
const WORDS = 300;

/** Most faces that go through a network at once. */
const AT_ONCE = 32;

/**
 * A network and what it is asked with: pictures in, expressions out.
 * @example
 * const args = { model: 'multi_task', network: 'denselite', image_size: 32, classes: ['calm', 'bored'] } as const;
 * const model = buildModel(device, { ...args, imageSize: 32, classes: 2 }).initialise(1);
 * const network = new FaceNetwork(model, args);
 * const [said] = await network.predict([network.crop(photograph)]);
 * Object.keys(said.probabilities); // ['calm', 'bored']
 */
export class FaceNetwork {
  /** @param embedding word vectors of the classes, valence and arousal [C + 2, 300], for emotion_gcn */
  constructor(
    readonly model: EmotionModel,
    readonly args: FaceNetworkArgs,
    readonly embedding: Tensor | null = null,
  ) {}

  get classes(): readonly string[] {
    return this.args.classes;
  }

  /** Side of its pictures in pixels. */
  get imageSize(): number {
    return this.args.image_size;
  }

  /** A face as the network sees it, levelled by its eyes, S x S; without a face the picture is one, of which the largest centred square is taken. */
  crop(picture: PagePicture, face?: Pick<FoundFace, 'landmarks'>): RgbImage {
    const { image_size: size, align = true } = this.args;
    const image = rgbOf(picture);
    if (!face && align === false) return prepareFace(image, null, size);
    return prepareKnown(image, face ? asKnownFace(face, align !== false) : null, size, 'open');
  }

  /**
   * Where `crop` looks: at a window of the picture as it lies turned by a matrix, in pixels, which may reach out of it.
   */
  place(
    { width, height }: { readonly width: number; readonly height: number },
    face?: Pick<FoundFace, 'landmarks'>,
  ): { readonly matrix: Matrix2x3; readonly window: Rectangle } {
    const level = this.args.align !== false;
    const known = face ? asKnownFace(face, level) : null;
    if (known && 'leftEye' in known) {
      const matrix = alignMatrix(known.leftEye, known.rightEye);
      return { matrix, window: cropBox(matrix, known.box) };
    }
    const side = Math.min(width, height);
    const all = level ? ([(width - side) >> 1, (height - side) >> 1, side, side] as const) : [0, 0, width, height];
    const [x, y, w, h] = known?.box ?? all;
    return { matrix: [1, 0, 0, 0, 1, 0], window: [x, y, x + w, y + h] };
  }

  /** The network's input of some crops: [N, 3, S, S]. */
  input(crops: readonly PagePicture[]): Tensor {
    const { image_size: size } = this.args;
    const each = 3 * size * size;
    const data = new Float32Array(crops.length * each);
    for (const [i, crop] of crops.entries()) {
      if (crop.width !== size || crop.height !== size)
        throw new InputError(
          `expected pictures of ${size} x ${size} pixels, as crop gives them, found ${crop.width} x ${crop.height}`,
        );
      data.set(toTensor(rgbOf(crop).data, this.model.input), i * each);
    }
    return tensor(this.model.device, data, [crops.length, 3, size, size], { name: 'images' });
  }

  /**
   * What it says of faces.
   * @param crops as `crop` gives them
   * @throws InputError where it gives what is no number
   */
  async predict(crops: readonly PagePicture[]): Promise<Expression[]> {
    const said: Expression[] = [];
    for (let i = 0; i < crops.length; i += AT_ONCE) said.push(...(await this.look(crops.slice(i, i + AT_ONCE))));
    return said;
  }

  /** Its weights as a safetensors file that tells of the network, which `loadNetwork` and `emotion-gcn predict --checkpoint` take. */
  async save(): Promise<Uint8Array> {
    return writeSafetensors(await this.model.stateDict(), networkMetadata(this.args), { sealed: true });
  }

  /**
   * `single_task` of other classes on this one's backbone, whose weights it takes; its last layer knows nothing yet.
   * @throws InputError for names that classes cannot have
   */
  async withClasses(classes: readonly string[]): Promise<FaceNetwork> {
    if (!areClassNames(classes) || classes.length < 2 || classes.length > MAX_CLASSES)
      throw new InputError(
        `expected 2 to ${MAX_CLASSES} names of classes that differ in meaning, without commas and quotes, none a number, valence or arousal; ` +
          `found ${classes.join(', ')}`,
      );
    const args = { ...this.args, model: 'single_task', classes } as const;
    const model = buildModel(this.model.device, {
      ...{ model: 'single_task', network: args.network, imageSize: args.image_size, classes: classes.length },
    }).initialise(1);
    const known = new Map([...(await this.model.stateDict())].map(([name, entry]) => [sharedName(name), entry]));
    const state = [...(await model.stateDict())].map(([name, entry]): [string, StateEntry] => {
      const last = /^(classifier|_fc0)\./.test(name);
      return [name, (last ? null : known.get(sharedName(name))) ?? entry];
    });
    model.loadStateDict(new Map(state));
    model.eval();
    return new FaceNetwork(model, args);
  }

  /** Makes what predicting launches, side by side, so that the first picture waits for nothing but its numbers. */
  prepare(): Promise<void> {
    const { device } = this.model;
    const { image_size: size } = this.args;
    device.dryRun(() => this.forward(() => empty(device, [1, 3, size, size])));
    return device.prepare();
  }

  private async look(crops: readonly PagePicture[]): Promise<Expression[]> {
    const { classes } = this.args;
    const [logits, va] = await this.forward(() => this.input(crops));
    const bad = [...logits, ...(va ?? [])].find((v) => !Number.isFinite(v));
    if (bad !== undefined) throw new InputError(`the network says ${bad}: it is of no use, take other weights`);
    return crops.map((_, i) => {
      const p = softmax(logits.subarray(i * classes.length, (i + 1) * classes.length));
      return {
        expression: classes[p.indexOf(Math.max(...p))],
        probabilities: Object.fromEntries(classes.map((name, c) => [name, p[c]])),
        valence: va ? va[2 * i] : null,
        arousal: va ? va[2 * i + 1] : null,
      };
    });
  }

  private forward(images: () => Tensor): Promise<Float32Array[]> {
    const { model, embedding } = this;
    // Also one that is being trained is asked as it stands.
    const { training } = model;
    model.eval();
    try {
      return step(model.device, () =>
        noGrad(() => {
          const { logits, va } = model.forward(images(), embedding ?? undefined);
          return readAll(va ? [logits, va] : [logits]);
        }),
      );
    } finally {
      model.train(training);
    }
  }
}

/**
 * A network from the bytes of its files, ready to predict: its pipelines are made side by side, by the browser's own threads.
 * @throws InputError naming what is missing, damaged, or another network's
 * @example
 * const args = await (await fetch('run1/args.json')).json();
 * const weights = await (await fetch('run1/weights/best.safetensors')).arrayBuffer();
 * const network = await loadNetwork(device, { args, weights });
 * const [{ probabilities }] = await network.predict([network.crop(photograph)]);
 * Object.keys(probabilities).length; // 7
 */
export async function loadNetwork(device: Device, files: NetworkFiles): Promise<FaceNetwork> {
  const { state, args } = readNetwork(files);
  const model = buildModel(device, { ...args, imageSize: args.image_size, classes: args.classes.length });
  model.loadStateDict(state, 'weights');
  model.eval();
  const gcn = args.model === 'emotion_gcn';
  const network = new FaceNetwork(model, args, gcn ? embeddingOf(device, files.embedding, args.classes) : null);
  await network.prepare();
  return network;
}

/** The weights by their names in the model, and which network's they are. */
function readNetwork({ weights, args = {} }: NetworkFiles): { state: Map<string, StateEntry>; args: FaceNetworkArgs } {
  if (!isBytes(weights)) {
    const own = { model: 'single_task', network: 'denselite', image_size: 112, classes: CLASSES } as const;
    return { state: expressionState(weights), args: { ...own, ...args } };
  }
  const { tensors, metadata } = readSafetensors(bytesOf(weights), 'weights');
  const state = stateOf(plainNames(tensors, 'weights').state, 'weights');
  const identity = identify(state);
  if (!identity) {
    const names = [...state.keys()].slice(0, 3).join(', ') || 'none';
    throw new InputError(`weights: expected those of one of our networks, found ${names}, …`);
  }
  return { state, args: settled(args, toldNetwork(metadata, identity, 'weights'), identity) };
}

/** What is known of a network, by `args`, else by its file's metadata. */
function settled(
  args: Partial<FaceNetworkArgs>,
  told: ReturnType<typeof toldNetwork>,
  { model, network, classes: count }: Identity,
): FaceNetworkArgs {
  for (const [name, own] of Object.entries({ model, network }))
    if (own !== (args[name as 'model' | 'network'] ?? own))
      throw new InputError(`weights: expected args of ${model} on ${network}, found ${name} ${args[name as 'model']}`);
  const classes = args.classes ?? told.classes;
  if (!Array.isArray(classes) || classes.length !== count || !areClassNames(classes))
    throw new InputError(
      `weights: expected the names of its ${count} classes as args.classes, found ${classes ?? 'none'}; give the args.json of the run`,
    );
  const image_size = args.image_size ?? told.image_size;
  const wanted = imageSizeWanted({ model, network, imageSize: image_size ?? 0 });
  if (!image_size || wanted)
    throw new InputError(
      `weights: expected ${wanted ?? 'a size in pixels'} as args.image_size, found ${image_size ?? 'none'}; give the args.json of the run`,
    );
  return { model, network, classes, image_size, align: args.align };
}

function embeddingOf(device: Device, file: NetworkFiles['embedding'], classes: readonly string[]): Tensor {
  const nodes = nodesOf(classes);
  const wanted = `emb of ${nodes.length} x ${WORDS} numbers`;
  if (!file) throw new InputError(`missing: embedding, emb.safetensors of the run that emotion_gcn was trained in`);
  const { tensors, metadata } = readSafetensors(bytesOf(file), 'embedding');
  const { shape, data } = tensors.get('emb') ?? { shape: [], data: [] };
  if (shape.join() !== `${nodes.length},${WORDS}` || !(data instanceof Float32Array) || !data.every(Number.isFinite))
    throw new InputError(`embedding: expected ${wanted}, found ${[...tensors.keys()].join(', ')} ${shape.join(' x ')}`);
  if ((metadata.nodes ?? String(nodes)) !== String(nodes))
    throw new InputError(`embedding: expected the nodes ${nodes}, found ${metadata.nodes}`);
  return tensor(device, data, [nodes.length, WORDS], { name: 'embedding' });
}

const isBytes = (weights: NetworkFiles['weights']): weights is Uint8Array | ArrayBuffer => !('get' in weights);
const bytesOf = (file: Uint8Array | ArrayBuffer): Uint8Array =>
  file instanceof Uint8Array ? file : new Uint8Array(file);
