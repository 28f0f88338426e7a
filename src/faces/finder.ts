import { empty, noGrad, readAll, step, type Tensor } from '../autograd';
import type { RgbImage } from '../base/pixels/rgb_image';
import type { Device } from '../device';
import type { FaceWeights } from '../models/face_api';
import { candidates, dropInner, type ScoredBox, suppress } from './decode';
import { FaceDetector } from './detector';
import {
  centredSquare,
  clipBox,
  pictureSquare,
  pointsInPicture,
  type Region,
  resizeSquare,
  type Square,
} from './geometry';
import { FaceLandmarks } from './landmarks';

/** A pass of the detector: pixels of its input, and the border around the picture as a part of its longer side. */
interface Pass {
  readonly size: number;
  readonly border: number;
}

/**
 * The detector finds heads of some 50 to 150 pixels of its input: a face that fills the picture wants a small one, and a border.
 * Largest first: what those after it need lies in its memory.
 */
const PASSES: readonly Pass[] = [
  { size: 608, border: 0 },
  { size: 416, border: 0 },
  { size: 160, border: 0.25 },
  { size: 96, border: 0.25 },
];

/** Most faces that go through the landmark network at once. */
const MOST = 4;

/** A face in a picture; all in pixels of the picture. */
export interface FoundFace {
  /** Left, top, width, height, as the detector gives them: fractional, and may leave the picture. */
  readonly box: readonly [x: number, y: number, width: number, height: number];
  /** How sure the detector is: above 0.5, to 1. */
  readonly score: number;
  /** x0, y0, x1, y1, ...: 68 points in the order of iBUG; 36 to 41 are the eye on the picture's left. */
  readonly landmarks: Float64Array;
}

/**
 * Finds the faces of pictures, and 68 landmarks of each, by face-api's networks.
 * @example
 * // weights: { detector, landmarks } of npm's @vladmandic/face-api; photograph: { width, height, data } in RGB.
 * const finder = new FaceFinder(device, weights);
 * const faces = await finder.find(photograph);
 * faces.length; // 0
 */
export class FaceFinder {
  private readonly detector: FaceDetector;
  private readonly landmarks: FaceLandmarks;
  /** What a network is about to see: uploading copies it. */
  private pixels = new Float32Array(0);

  /**
   * @param weights `tiny_face_detector_model` and `face_landmark_68_model` of face-api
   * @throws InputError when they are other networks'
   */
  constructor(
    private readonly device: Device,
    weights: { readonly detector: FaceWeights; readonly landmarks: FaceWeights },
  ) {
    this.detector = new FaceDetector(device, weights.detector);
    this.landmarks = new FaceLandmarks(device, weights.landmarks);
  }

  /** Makes what finding launches, side by side, so that the first picture waits for nothing but its numbers. */
  prepare(): Promise<void> {
    const { device } = this;
    const run = (network: { forward(x: Tensor): Tensor }, n: number, size: number): void =>
      void step(device, () => noGrad(() => network.forward(empty(device, [n, 3, size, size]))));
    device.dryRun(() => {
      for (const { size } of PASSES) run(this.detector, 1, size);
      for (let n = 1; n <= MOST; n++) run(this.landmarks, n, FaceLandmarks.SIZE);
    });
    return device.prepare();
  }

  /** The faces of a picture, from left to right by the middle of their boxes. */
  async find(image: RgbImage): Promise<readonly FoundFace[]> {
    const passes = await this.detect(image, PASSES);
    const faces = dropInner(suppress(passes.flat())).flatMap((box) => {
      const crop = clipBox(box, image.width, image.height);
      return crop ? [{ box, crop }] : [];
    });
    faces.sort((a, b) => a.box[0] + a.box[2] / 2 - b.box[0] - b.box[2] / 2);
    const points = await this.mark(
      image,
      faces.map(({ crop }) => crop),
    );
    return faces.map(({ box: [x, y, w, h, score] }, i) => ({ box: [x, y, w, h], score, landmarks: points[i] }));
  }

  /** Of each pass the boxes whose score is above 0.5, in pixels of the picture. */
  async detect(image: RgbImage, passes: readonly Pass[]): Promise<ScoredBox[][]> {
    const squares = passes.map(({ border }) => pictureSquare(image, border));
    const raw = await this.read(() =>
      passes.map(({ size }, i) => this.see(this.detector, image, [squares[i]], size, FaceDetector.MEAN)),
    );
    return passes.map(({ size }, i) => {
      const { x: left, y: top } = squares[i];
      const [width, height] = [image.width - 2 * left, image.height - 2 * top];
      return candidates(raw[i], width, height, size).map(([x, y, w, h, score]) => [
        x * width + left,
        y * height + top,
        w * width,
        h * height,
        score,
      ]);
    });
  }

  /** The 68 landmarks of each part of a picture, in pixels of the picture. */
  async mark(image: RgbImage, crops: readonly Region[]): Promise<Float64Array[]> {
    const squares = crops.map(centredSquare);
    const groups = Array.from({ length: Math.ceil(crops.length / MOST) }, (_, g) =>
      squares.slice(g * MOST, (g + 1) * MOST),
    );
    const { SIZE, MEAN } = FaceLandmarks;
    const out = await this.read(() => groups.map((some) => this.see(this.landmarks, image, some, SIZE, MEAN)));
    return crops.map((crop, i) => {
      const at = (i % MOST) * 136;
      return pointsInPicture(out[Math.floor(i / MOST)].subarray(at, at + 136), crop);
    });
  }

  /** What a network says of some squares of a picture; the device begins with it while the next are resized. */
  private see(
    network: { forward(x: Tensor): Tensor },
    image: RgbImage,
    squares: readonly Square[],
    size: number,
    mean: readonly number[],
  ): Tensor {
    const { device } = this;
    const each = size * size * 3;
    const numbers = squares.length * each;
    if (this.pixels.length < numbers) this.pixels = new Float32Array(numbers);
    for (const [i, square] of squares.entries())
      resizeSquare(image, square, size, mean, this.pixels.subarray(i * each, (i + 1) * each));
    const x = empty(device, [squares.length, 3, size, size]);
    device.upload(x.storage, this.pixels.subarray(0, numbers));
    const y = network.forward(x);
    device.free(x.storage);
    device.flush();
    return y;
  }

  private read(compute: () => Tensor[]): Promise<Float32Array[]> {
    return step(this.device, () => noGrad(() => readAll(compute())));
  }
}
