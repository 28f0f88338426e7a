import { noGrad, step, type Tensor, tensor } from '../autograd';
import type { RgbImage } from '../base/pixels/rgb_image';
import type { Device } from '../device';
import type { FaceWeights } from '../models/face_api';
import { candidates, dropInner, type ScoredBox, suppress } from './decode';
import { FaceDetector } from './detector';
import { centredSquare, clipBox, pictureSquare, pointsInPicture, type Region, resizeSquare } from './geometry';
import { FaceLandmarks } from './landmarks';

/** The detector finds heads of some 50 to 150 pixels of its input: a face that fills the picture wants a small one, and a border. */
const PASSES = [
  { size: 416, border: 0 },
  { size: 608, border: 0 },
  { size: 160, border: 0.25 },
  { size: 96, border: 0.25 },
] as const;

/** Most faces that go through the landmark network at once. */
const MOST = 8;

/** A face in a picture; all in pixels of the picture. */
export interface FoundFace {
  /** Left, top, width, height, as the detector gives them: fractional, and may leave the picture. */
  readonly box: readonly [x: number, y: number, width: number, height: number];
  /** How sure the detector is: above 0.5, to 1. */
  readonly score: number;
  /** x0, y0, x1, y1, ...: 68 points in the order of iBUG; 36 to 41 are the eye on the picture's left. */
  readonly landmarks: Float64Array;
}

/** Finds the faces of pictures, and 68 landmarks of each, by face-api's networks. */
export class FaceFinder {
  private readonly detector: FaceDetector;
  private readonly landmarks: FaceLandmarks;

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

  /** The faces of a picture, from left to right by the middle of their boxes. */
  async find(image: RgbImage): Promise<readonly FoundFace[]> {
    const passes = await Promise.all(PASSES.map(({ size, border }) => this.detect(image, size, border)));
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

  /** One pass of the detector: the boxes whose score is above 0.5, in pixels of the picture. */
  async detect(image: RgbImage, size: number, border: number): Promise<ScoredBox[]> {
    const square = pictureSquare(image, border);
    const input = resizeSquare(image, square, size, FaceDetector.MEAN);
    const raw = await this.compute(this.detector, input, [1, 3, size, size]);
    const [width, height] = [image.width - 2 * square.x, image.height - 2 * square.y];
    return candidates(raw, width, height, size).map(([x, y, w, h, score]) => [
      x * width + square.x,
      y * height + square.y,
      w * width,
      h * height,
      score,
    ]);
  }

  /** The 68 landmarks of each part of a picture, in pixels of the picture. */
  async mark(image: RgbImage, crops: readonly Region[]): Promise<Float64Array[]> {
    const size = FaceLandmarks.SIZE;
    const points: Float64Array[] = [];
    for (let from = 0; from < crops.length; from += MOST) {
      const some = crops.slice(from, from + MOST);
      const input = new Float32Array(some.length * 3 * size * size);
      for (const [i, crop] of some.entries()) {
        const own = input.subarray(i * 3 * size * size, (i + 1) * 3 * size * size);
        resizeSquare(image, centredSquare(crop), size, FaceLandmarks.MEAN, own);
      }
      const out = await this.compute(this.landmarks, input, [some.length, 3, size, size]);
      for (const [i, crop] of some.entries()) points.push(pointsInPicture(out.subarray(i * 136, i * 136 + 136), crop));
    }
    return points;
  }

  private compute(
    network: { forward(x: Tensor): Tensor },
    input: Float32Array,
    shape: readonly number[],
  ): Promise<Float32Array> {
    const { device } = this;
    return step(device, () => noGrad(() => network.forward(tensor(device, input, shape)).data()));
  }
}
