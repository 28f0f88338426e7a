// What the page asks of the engine's worker, and what it is told.
import type { Matrix2x3, ModelName, NetworkName, Rectangle } from '../../browser';

/** The adapter that computes. */
export interface SiteAdapter {
  /** As a person would call it. */
  readonly adapter: string;
  /** It computes on the CPU. */
  readonly software: boolean;
}

/** The network that answers. */
export interface NetworkCard {
  readonly name: string;
  readonly model: ModelName;
  readonly network: NetworkName;
  readonly classes: readonly string[];
  /** Side of its input in pixels. */
  readonly imageSize: number;
  /** The one that comes with the site, one of a person's own, or one that was taught here. */
  readonly from: 'site' | 'files' | 'lesson';
}

/** What is asked where a network looked: a class by its number, what it says most, or a dimension. */
export type Target = number | 'said' | 'valence' | 'arousal';

/** Where a network looked. */
export interface Heat {
  readonly size: number;
  /** size x size x 4 bytes of R, G, B and A: where the map is low, what it is laid over is seen. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** A picture of a face as a network takes it: size x size x 3 bytes of RGB. */
export interface Crop {
  readonly size: number;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** A face, or the whole picture where it is taken for one. In pixels of the picture. */
export interface FaceSight {
  /** Left, top, width, height, and how sure the detector is; null: the picture is the face. */
  readonly found: { readonly box: readonly number[]; readonly score: number; readonly landmarks: Float64Array } | null;
  /** The part that the network sees: a window of the picture that is turned by a matrix. */
  readonly matrix: Matrix2x3;
  readonly window: Rectangle;
  readonly crop: Crop;
  /** Of each class. */
  readonly probabilities: readonly number[];
  /** Null: the network has none. */
  readonly valence: number | null;
  readonly arousal: number | null;
  /** Null: not asked for. */
  readonly heat: Heat | null;
}

/** What was seen in a picture. */
export interface Sight {
  readonly width: number;
  readonly height: number;
  /** From left to right. */
  readonly faces: readonly FaceSight[];
  /** Milliseconds that finding took, and cutting, looking and asking where it looked, of all faces. */
  readonly finding: number;
  readonly looking: number;
}

/** A file as it was dropped: its path below what was dropped, and, if it may be of a network, its content. */
export interface GivenFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** What is to be learnt. */
export interface Lesson {
  readonly labels: readonly string[];
  readonly examples: readonly (Crop & { /** A place in `labels`. */ readonly label: number })[];
  /** The whole network, not its last layer alone. */
  readonly whole: boolean;
  readonly epochs: number;
}

/** How a lesson stands after an epoch. */
export interface Lap {
  /** From 1; 0: before the first. */
  readonly epoch: number;
  readonly epochs: number;
  /** Mean loss of what is learnt, and of what was held out; null: nothing was. */
  readonly loss: number;
  readonly heldLoss: number | null;
  /** Fraction of what was held out that is said right. */
  readonly accuracy: number | null;
  /** How many were. */
  readonly held: number;
}

/** What can be asked, and what is answered. */
export interface Calls {
  /** Opens the adapter and the networks that come with the site. */
  open: [ask: null, answer: { readonly machine: SiteAdapter; readonly network: NetworkCard }];
  /** Takes a network of one's own from here on; null: the site's. */
  take: [ask: readonly GivenFile[] | null, answer: NetworkCard];
  /** Looks at a picture, which is gone for the page. `whole`: it is one face. */
  see: [ask: { readonly picture: ImageBitmap; readonly whole: boolean; readonly target: Target | null }, answer: Sight];
  /** Teaches a network on the one that answers, which it replaces. Tells laps. */
  teach: [ask: Lesson, answer: { readonly network: NetworkCard; readonly last: Lap }];
  /** Ends a lesson after the step that is under way. */
  stop: [ask: null, answer: null];
  /** The weights of the network that was taught, as safetensors. */
  save: [ask: null, answer: Uint8Array<ArrayBuffer>];
}

export type Call = keyof Calls;
export type Ask<C extends Call> = Calls[C][0];
export type Answer<C extends Call> = Calls[C][1];

export interface Request<C extends Call = Call> {
  readonly id: number;
  readonly call: C;
  readonly ask: Ask<C>;
}

export type Reply =
  | { readonly id: number; readonly answer: Answer<Call> }
  /** `lost`: the device went away meanwhile; asked again, it may well succeed. */
  | { readonly id: number; readonly wrong: string; readonly lost: boolean }
  /** Networks of the site that are here, and all. */
  | { readonly loaded: number; readonly total: number }
  | { readonly lap: Lap }
  /** The device is gone, and is being opened again; then: it is. */
  | { readonly lost: string }
  | { readonly machine: SiteAdapter; readonly network: NetworkCard }
  /** It cannot be opened again. */
  | { readonly broken: string };
