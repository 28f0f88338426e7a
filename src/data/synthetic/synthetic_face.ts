// A made-up face: mouth, brows and eyes follow class, valence and arousal; everything else is chance.
import type { Point } from '../../base/pixels/align';
import { CLASSES } from '../labels';
import { type Draw, type Features, paintFace } from './synthetic_paint';

export interface DrawnFace {
  /** The picture, `size` x `size`. */
  svg: string;
  /** The usual 68 points (jaw, brows, nose, eyes, mouth) in pixels. */
  landmarks: Point[];
  /** Middle and side of a square, upright with respect to the face, that holds it; in pixels. */
  frame: { middle: Point; side: number };
}

interface Look {
  /** How far the brow's inner and outer ends are raised. */
  brow: [inner: number, outer: number];
  eye: number;
  pupil: number;
  mouth: Features['mouth']['kind'];
  /** Half width of the mouth. */
  width: number;
  /** How far the mouth is open at arousal 0, and how much a unit of arousal adds. */
  open: [number, number];
  tears?: boolean;
}

const LOOKS: Record<(typeof CLASSES)[number], Look> = {
  Neutral: { brow: [0, 0], eye: 0.1, pupil: 0.055, mouth: 'line', width: 0.27, open: [0.015, 0] },
  Happy: { brow: [0.05, 0.03], eye: 0.075, pupil: 0.055, mouth: 'smile', width: 0.44, open: [0.2, 0.14] },
  Sad: { brow: [0.24, -0.05], eye: 0.075, pupil: 0.055, mouth: 'line', width: 0.34, open: [0.02, 0], tears: true },
  Surprise: { brow: [0.2, 0.17], eye: 0.165, pupil: 0.06, mouth: 'round', width: 0.16, open: [0.3, 0.16] },
  Fear: { brow: [0.26, 0.02], eye: 0.17, pupil: 0.028, mouth: 'grimace', width: 0.38, open: [0.17, 0.08] },
  Disgust: { brow: [-0.07, 0.02], eye: 0.05, pupil: 0.05, mouth: 'tongue', width: 0.28, open: [0.13, 0.06] },
  Anger: { brow: [-0.19, 0.17], eye: 0.085, pupil: 0.05, mouth: 'snarl', width: 0.4, open: [0.22, 0.12] },
};

const EYE: Point = [0.36, -0.14];
const MOUTH: Point = [0, 0.5];

/** Draws one face of a class (see CLASSES) with labels in -1 .. 1. The same draws give the same picture. */
export function drawFace(expression: number, valence: number, arousal: number, size: number, draw: Draw): DrawnFace {
  const features = layOut(LOOKS[CLASSES[expression]], valence, arousal, draw);
  const scale = size * (0.33 + 0.06 * draw());
  const degrees = 40 * draw() - 20;
  const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
  const middle: Point = [size * (0.46 + 0.08 * draw()), size * (0.48 + 0.06 * draw())];
  const place = ([x, y]: Point): Point => [
    middle[0] + scale * (cos * x - sin * y),
    middle[1] + scale * (sin * x + cos * y),
  ];
  return {
    svg: paintFace(features, { size, middle, degrees, scale }, draw),
    landmarks: landmarks(features).map(place),
    frame: { middle: place([0, 0.1]), side: 1.85 * scale },
  };
}

function layOut(look: Look, valence: number, arousal: number, draw: Draw): Features {
  const jitter = (most: number) => most * (2 * draw() - 1);
  // A slight turn of the head moves the inner features against its outline.
  const turn: Point = [jitter(0.07), jitter(0.04)];
  const at = (x: number, y: number): Point => [x + turn[0], y + turn[1]];
  const [spread, height, width] = [1 + jitter(0.07), jitter(0.03), 1 + jitter(0.1)];
  const eyeOpen = Math.max(look.eye * (1 + 0.35 * arousal + jitter(0.1)), 0.025);
  const lift = 0.05 * arousal + jitter(0.02);
  const open = Math.max(look.open[0] + look.open[1] * arousal + jitter(0.02), 0.01);
  const half = look.width * (1 + 0.12 * valence) * (1 + jitter(0.08));
  // Corners rise with valence, the middle sinks: a smile; below 0 the other way.
  const bend = 0.17 * valence + jitter(0.02);
  const mouthY = MOUTH[1] + height;
  const skew = look.mouth === 'tongue' ? 0.07 : 0;
  return {
    eyes: [-1, 1].map((side) => ({
      middle: at(side * EYE[0] * spread, EYE[1] + height),
      width: 0.21 * width,
      upper: eyeOpen,
      lower: look.mouth === 'smile' ? eyeOpen * 0.3 : eyeOpen * 0.85,
    })),
    brows: [-1, 1].map((side) => {
      const [x, y] = [EYE[0] * spread, EYE[1] + height - 0.24 - lift];
      const [inner, outer] = look.brow;
      return [
        at(side * (x - 0.2), y - inner),
        at(side * (x + 0.02), y - (inner + outer) / 2 - 0.05),
        at(side * (x + 0.22), y - outer + 0.03),
      ];
    }),
    tears: look.tears ? Math.max(-valence, 0.2) : 0,
    nose: { top: at(0, -0.1), tip: at(turn[0], 0.22 + height), wrinkled: look.mouth === 'tongue' },
    mouth: {
      kind: look.mouth,
      left: at(-half, mouthY - bend - skew),
      right: at(half, mouthY - bend + skew),
      upper: at(0, mouthY + bend * 0.5 - open * 0.5),
      lower: at(0, mouthY + bend + open * 0.8),
    },
    pupil: look.pupil * (1 + jitter(0.1)),
  };
}

/** The 68 points of the usual order in face units: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67. */
function landmarks({ eyes, brows, nose, mouth }: Features): Point[] {
  const jaw = Array.from({ length: 17 }, (_, i): Point => {
    const angle = Math.PI * (1 - i / 16);
    return [0.8 * Math.cos(angle), -0.1 + 1.1 * Math.sin(angle)];
  });
  const brow = (side: number, order: number[]) =>
    order.map((t): Point => {
      const [inner, middle, outer] = brows[side];
      return t < 0.5 ? blend(inner, middle, t * 2) : blend(middle, outer, t * 2 - 1);
    });
  const bridge = [0, 1 / 3, 2 / 3, 1].map((t) => blend(nose.top, nose.tip, t));
  const nostrils = [-2, -1, 0, 1, 2].map((k): Point => [nose.tip[0] + k * 0.06, nose.tip[1] + 0.05]);
  // Corner, two above, corner, two below, from the picture's left to the right and back: the mean is the middle.
  const eye = ({ middle: [x, y], width, upper, lower }: Features['eyes'][number]): Point[] => [
    [x - width, y],
    [x - width / 3, y - (upper + lower) / 2],
    [x + width / 3, y - (upper + lower) / 2],
    [x + width, y],
    [x + width / 3, y + (upper + lower) / 2],
    [x - width / 3, y + (upper + lower) / 2],
  ];
  const lips = (middle: Point, ts: number[]) =>
    ts.map((t) => blend(blend(mouth.left, middle, t), blend(middle, mouth.right, t), t));
  return [
    ...jaw,
    ...brow(0, [1, 0.75, 0.5, 0.25, 0]),
    ...brow(1, [0, 0.25, 0.5, 0.75, 1]),
    ...bridge,
    ...nostrils,
    ...eye(eyes[0]),
    ...eye(eyes[1]),
    ...lips(mouth.upper, [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1]),
    ...lips(mouth.lower, [5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6]),
    ...lips(mouth.upper, [0, 1 / 4, 1 / 2, 3 / 4, 1]),
    ...lips(mouth.lower, [3 / 4, 1 / 2, 1 / 4]),
  ];
}

const blend = (a: Point, b: Point, t: number): Point => [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
