// The engine behind the page, in its worker: adapter, face finder, the network that answers, and what it was taught.
import {
  type Device,
  FaceFinder,
  type FaceNetwork,
  type FaceWeights,
  fetchFaceWeights,
  type GradCamTarget,
  gradCam,
  heatColour,
  loadNetwork,
  type NetworkFiles,
  openDevice,
  type RgbImage,
  rgbOf,
} from '../../browser';
import { filesOf } from './files';
import { learn } from './lesson';
import type {
  Ask,
  FaceSight,
  GivenFile,
  Lap,
  Lesson,
  NetworkCard,
  Reply,
  Sight,
  SiteAdapter,
  Target,
} from './messages';

/** A network as it lies in memory, whatever becomes of a device. */
interface Source {
  readonly name: string;
  readonly files: NetworkFiles;
  readonly from: NetworkCard['from'];
}

/** What a device holds. */
interface Rig {
  readonly device: Device;
  readonly finder: FaceFinder;
  readonly network: FaceNetwork;
}

const WEIGHTS = ['tiny_face_detector_model', 'face_landmark_68_model', 'face_expression_model'];

/** How often, and after how many milliseconds, a lost adapter is asked for again. */
const [TRIES, PAUSE] = [10, 1000];

export class Engine {
  /** Of the networks beside the site, in the order of WEIGHTS. */
  private weights: readonly FaceWeights[] | null = null;
  private source: Source | null = null;
  private machine: SiteAdapter | null = null;
  private rig: Promise<Rig> = Promise.reject(new Error('the engine is not open'));
  private stopped = false;

  constructor(private readonly tell: (reply: Reply) => void) {
    this.rig.catch(() => {});
  }

  /** Loads the weights, opens the adapter and makes the pipelines. */
  async open(): Promise<{ machine: SiteAdapter; network: NetworkCard }> {
    this.weights ??= await this.load();
    this.source ??= this.own();
    this.rig = this.start();
    return { network: await this.card(), machine: this.machine as SiteAdapter };
  }

  /** @throws InputError for files that are no network */
  async take(given: readonly GivenFile[] | null): Promise<NetworkCard> {
    return this.use(given ? { ...filesOf(given), from: 'files' } : this.own());
  }

  async see({ picture, whole, target }: Ask<'see'>): Promise<Sight> {
    const image = pixelsOf(picture);
    picture.close();
    const { finder, network } = await this.rig;
    const start = performance.now();
    const found = whole ? [null] : await finder.find(image);
    const finding = performance.now() - start;
    const crops = found.map((face) => network.crop(image, face ?? undefined));
    const said = await network.predict(crops);
    const faces: FaceSight[] = [];
    for (const [i, face] of found.entries()) {
      const { probabilities, valence, arousal } = said[i];
      const asked = meant(target, Object.values(probabilities), network);
      const { model, embedding } = network;
      const heat = asked && (await gradCam(model, network.input([crops[i]]), asked, embedding ?? undefined));
      faces.push({
        found: face && { box: face.box, score: face.score, landmarks: face.landmarks },
        ...network.place(image, face ?? undefined),
        crop: { size: network.imageSize, pixels: crops[i].data as Uint8Array<ArrayBuffer> },
        ...{ probabilities: Object.values(probabilities), valence, arousal },
        heat: heat && { size: heat.size, pixels: heatPixels(heat.map) },
      });
    }
    const looking = performance.now() - start - finding;
    return { width: image.width, height: image.height, faces, finding, looking };
  }

  async teach(lesson: Lesson): Promise<{ network: NetworkCard; last: Lap }> {
    this.stopped = false;
    const { network } = await this.rig;
    const told = { tell: (lap: Lap) => this.tell({ lap }), stopped: () => this.stopped };
    const { taught, last } = await learn(network, lesson, told);
    const files = { weights: await taught.save(), args: { align: taught.args.align } };
    return { network: await this.use({ name: 'Taught here', files, from: 'lesson' }), last };
  }

  stop(): null {
    this.stopped = true;
    return null;
  }

  async save(): Promise<Uint8Array<ArrayBuffer>> {
    const { network } = await this.rig;
    return (await network.save()) as Uint8Array<ArrayBuffer>;
  }

  private async load(): Promise<FaceWeights[]> {
    let loaded = 0;
    const total = WEIGHTS.length;
    this.tell({ loaded, total });
    return Promise.all(
      WEIGHTS.map(async (name) => {
        const weights = await fetchFaceWeights(new URL(`weights/${name}-weights_manifest.json`, import.meta.url));
        this.tell({ loaded: ++loaded, total });
        return weights;
      }),
    );
  }

  /** face-api's expression network. */
  private own(): Source {
    const [, , weights] = this.weights ?? [];
    if (!weights) throw new Error('the networks of this site are not here');
    return { name: 'face-api’s expression network', files: { weights }, from: 'site' };
  }

  private async card(): Promise<NetworkCard> {
    const { network } = await this.rig;
    const { model, network: on, classes } = network.args;
    const { name, from } = this.source as Source;
    return { name, model, network: on, classes, imageSize: network.imageSize, from };
  }

  /** Answers with this network from here on; if it cannot, with the one before. */
  private async use(source: Source): Promise<NetworkCard> {
    const rig = await this.rig;
    const network = await loadNetwork(rig.device, source.files);
    this.source = source;
    this.rig = Promise.resolve({ ...rig, network });
    return this.card();
  }

  private async start(): Promise<Rig> {
    const device = await openDevice();
    const rig = await this.rigOn(device).catch((error) => {
      device.destroy();
      throw error;
    });
    this.machine = { adapter: nameOf(device), software: device.software };
    device.gpu.lost.then(({ message }) => this.reopen(message));
    return rig;
  }

  /** The networks on a device, with their pipelines. */
  private async rigOn(device: Device): Promise<Rig> {
    const [detector, landmarks] = this.weights as readonly FaceWeights[];
    const finder = new FaceFinder(device, { detector, landmarks });
    await finder.prepare();
    return { device, finder, network: await loadNetwork(device, (this.source as Source).files) };
  }

  /** What waits for the rig waits for the new one. */
  private reopen(lost: string): void {
    this.tell({ lost });
    this.rig = (async () => {
      for (let i = 1; ; i++) {
        try {
          return await this.start();
        } catch (error) {
          if (i === TRIES) throw error;
          await new Promise((done) => setTimeout(done, PAUSE));
        }
      }
    })();
    this.card().then(
      (network) => this.tell({ machine: this.machine as SiteAdapter, network }),
      (error) => this.tell({ broken: error instanceof Error ? error.message : String(error) }),
    );
  }
}

/** A target as the network has it; null: it has none such. */
function meant(
  target: Target | null,
  probabilities: readonly number[],
  { args, classes }: FaceNetwork,
): GradCamTarget | null {
  if (target === null) return null;
  if (target === 'valence' || target === 'arousal') return args.model === 'single_task' ? null : target;
  const index = target === 'said' ? probabilities.indexOf(Math.max(...probabilities)) : target;
  return index < classes.length ? { class: index } : null;
}

/** Opacity where a map is 1. */
const MOST = 0.75;

/** A map of [0, 1] in colours, the less to be seen the lower it is. */
function heatPixels(map: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * map.length);
  for (const [i, v] of map.entries()) pixels.set([...heatColour(v), 255 * MOST * v], 4 * i);
  return pixels;
}

let canvas: OffscreenCanvas | null = null;

/** The pixels of a picture; what lets light through is dark. */
function pixelsOf(picture: ImageBitmap): RgbImage {
  const { width, height } = picture;
  if (canvas?.width !== width || canvas.height !== height) canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d', { willReadFrequently: true, alpha: false });
  if (!context) throw new Error(`this browser gives no canvas of ${width} x ${height} pixels`);
  // Nothing of the picture before shines through.
  context.globalCompositeOperation = 'copy';
  context.drawImage(picture, 0, 0);
  return rgbOf(context.getImageData(0, 0, width, height));
}

function nameOf({ info }: Device): string {
  const { description, device, architecture, vendor } = info;
  return description || [vendor, device || architecture].filter(Boolean).join(' ') || 'an adapter without a name';
}
