// A photograph with what a network sees in its faces.
import sharp, { type OverlayOptions } from 'sharp';
import type { RgbImage } from '../../../base/pixels/rgb_image';
import type { SmallerImage } from '../../../data';
import type { FacePrediction } from '../../measures/face_prediction';
import { measureText, textToPaths } from '../charts/lettering';
import { colorOf, fitText, GROUND, headingOf, panelSize, panelSvg, type Seen, textSvg, wasSeen } from './panel';
import { around, besides, leastCovering, type Rect, within } from './place';

/** Pixels of a drawing's longest side: at most, and at least, for something to be read. */
const [LARGEST, SMALLEST] = [2000, 720];
/** Pixels: where a face is narrower the picture is drawn larger. */
const NARROW = 96;
/** Height of letters: this part of the longest side, but at least so many pixels. */
const [LETTERS, LEAST_LETTERS] = [1 / 85, 13];
/** In sizes of the text: height of a label, room between panels, least side of a drawing. */
const [LABEL, BETWEEN, LEAST_SIDE] = [1.6, 0.5, 16];
/** Least height of letters in the label of a narrow face. */
const SMALL_LETTERS = 11;

/** Of the label where there is nobody. */
const NOBODY = '#c9d1d9';

const QUALITY = 90;

/**
 * Draws what is known of a picture's faces on it: box, landmarks and expression of each, and where there is room without covering a face
 * (else in a margin, unless that were larger than the picture) bars of its classes and its valence and arousal.
 * @param rows of the picture; without `box` the picture is the face
 * @param mark for the metadata of the JPEG
 * @returns a JPEG of at most 2000 pixels a side
 */
export async function drawFaces(image: SmallerImage, rows: readonly FacePrediction[], mark?: string): Promise<Buffer> {
  const { picture, width, height, shapes } = layOut(image.of ?? image, rows);
  const { data } = image;
  const scaled = await sharp(Buffer.from(data.buffer, data.byteOffset, data.length), {
    raw: { width: image.width, height: image.height, channels: 3 },
    limitInputPixels: false,
  })
    .resize({ width: picture.width, height: picture.height, fit: 'fill' })
    .raw()
    .toBuffer();
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join('')}</svg>`;
  const layers: OverlayOptions[] = [
    { input: scaled, raw: { width: picture.width, height: picture.height, channels: 3 }, left: 0, top: 0 },
    { input: Buffer.from(textToPaths(svg)), left: 0, top: 0 },
  ];
  const drawing = sharp({ create: { width, height, channels: 3, background: GROUND } })
    .composite(layers)
    .removeAlpha();
  if (mark !== undefined) drawing.withExif({ IFD0: { Software: mark } });
  return drawing.jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' }).toBuffer();
}

type Size = Pick<RgbImage, 'width' | 'height'>;

interface Layout {
  /** Where the picture is: at the upper left. */
  readonly picture: Rect;
  readonly width: number;
  readonly height: number;
  /** SVG. */
  readonly shapes: readonly string[];
}

/** At the scale that the picture and its faces want, or the largest at which margins too keep within LARGEST. */
function layOut(image: Size, rows: readonly FacePrediction[]): Layout {
  const longest = Math.max(image.width, image.height);
  const narrowest = rows.reduce((least, { box }) => (box ? Math.min(least, Math.max(1, box[2])) : least), longest);
  const wanted = Math.max(SMALLEST, longest, (longest / narrowest) * NARROW);
  for (let side = Math.min(LARGEST, wanted); ; ) {
    const layout = layOutAt(side / longest, image, rows);
    const beyond = Math.max(layout.width, layout.height) - LARGEST;
    if (beyond <= 0) return layout;
    side -= beyond;
  }
}

/** A face and its box in pixels of the drawing, none of it outside the picture. */
interface Face {
  readonly row: Seen;
  readonly box: Rect;
}

function layOutAt(scale: number, image: Size, rows: readonly FacePrediction[]): Layout {
  const [w, h] = [image.width, image.height].map((side) => Math.max(1, Math.round(side * scale)));
  const size = Math.max(LEAST_LETTERS, Math.round(Math.max(w, h) * LETTERS));
  const picture = { x: 0, y: 0, width: w, height: h };
  const room = { ...picture, width: Math.max(w, LEAST_SIDE * size), height: Math.max(h, 2 * size) };
  const faces = rows.filter(wasSeen).map((row) => ({ row, box: boxOf(row, scale, picture) }));
  const [several, boxes] = [faces.length > 1, faces.map(({ box }) => box)];
  const shapes = faces.flatMap((face) => faceSvg(face, scale, picture, size));
  const labels: Rect[] = [];
  const label = (texts: readonly string[], box: Rect, color: string, letters: number): void => {
    const { svg, place } = labelSvg(texts, box, color, letters, boxes, labels, room);
    shapes.push(svg);
    labels.push(place);
  };
  if (faces.length === 0) {
    label(['no face found'], { ...room, width: 0, height: 0 }, NOBODY, size);
    return { picture, width: room.width, height: room.height, shapes };
  }
  if (several)
    for (const { row, box } of faces) {
      const texts = [headingOf(row, true), `${row.face}  ${row.expression}`];
      label(texts, box, colorOf(row), Math.min(size, Math.max(SMALL_LETTERS, box.width / 8)));
    }
  const panels = panelsBeside(faces, labels, picture, size) ?? panelsInMargin(faces, room, size);
  for (const [i, place] of panels.places.entries())
    shapes.push(panelSvg(faces[i].row, place, size, headingOf(faces[i].row, several)));
  return { picture, width: panels.width, height: panels.height, shapes };
}

/** A face's box within the picture; without one all of it. */
function boxOf({ box }: FacePrediction, scale: number, picture: Rect): Rect {
  if (!box) return picture;
  const [left, top, right, bottom] = [box[0], box[1], box[0] + box[2], box[1] + box[3]].map((v) => v * scale);
  const [x, y] = [Math.min(Math.max(0, left), picture.width), Math.min(Math.max(0, top), picture.height)];
  return {
    x,
    y,
    width: Math.max(0, Math.min(right, picture.width) - x),
    height: Math.max(0, Math.min(bottom, picture.height) - y),
  };
}

/** Box and landmarks, dark around so that they are seen on any ground. */
function faceSvg({ row, box: { x, y, width, height } }: Face, scale: number, picture: Rect, size: number): string[] {
  if (!row.box) return [];
  const color = colorOf(row);
  const line = Math.max(1.5, Math.min(size / 6, width / 30));
  const rect = (stroke: string, w: number): string =>
    `<rect x="${x + line}" y="${y + line}" width="${Math.max(0, width - 2 * line)}" height="${Math.max(0, height - 2 * line)}" fill="none" stroke="${stroke}" stroke-width="${w}"/>`;
  const radius = Math.max(0.6, Math.min(size / 7, width / 140));
  const dots = (row.landmarks ?? [])
    .map((point) => point.map((v) => v * scale))
    .filter(([px, py]) => px >= 0 && py >= 0 && px < picture.width && py < picture.height)
    .map(([px, py]) => `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="${radius}"/>`);
  return [
    rect(GROUND, 2 * line),
    rect(color, line),
    `<g fill="${color}" stroke="${GROUND}" stroke-width="${radius / 2}">${dots.join('')}</g>`,
  ];
}

/** A line of text at a box, on the box's color: the first of `texts` that covers nothing at one of its places, else the last. */
function labelSvg(
  texts: readonly string[],
  box: Rect,
  color: string,
  size: number,
  boxes: readonly Rect[],
  labels: readonly Rect[],
  room: Rect,
): { readonly svg: string; readonly place: Rect } {
  const css = `bold ${size}px`;
  let [text, place] = ['', box];
  for (const whole of texts) {
    text = fitText(whole, room.width - size, css);
    const own = { width: measureText(text, css).width + size, height: LABEL * size };
    const best = leastCovering([...besides(box, own, 0), ...within(box, own)], boxes, labels, room);
    place = best.rect;
    if (best.covered === 0) break;
  }
  const { x, y, width, height } = place;
  const svg =
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" fill="${color}"/>` +
    textSvg(text, x + size / 2, y + height / 2, css, GROUND);
  return { svg, place };
}

/** Where panels stand, one a face, or none, and the size of the drawing with them. */
interface Panels {
  readonly places: readonly Rect[];
  readonly width: number;
  readonly height: number;
}

/** Each beside its box in the picture, covering nothing; null: not all have room. */
function panelsBeside(faces: readonly Face[], labels: readonly Rect[], picture: Rect, size: number): Panels | null {
  const boxes = faces.map(({ box }) => box);
  const places: Rect[] = [];
  for (const [i, { row, box }] of faces.entries()) {
    const own = panelSize(row, size);
    const candidates = besides(labels[i] ? around(box, labels[i]) : box, own, BETWEEN * size);
    const best = leastCovering(candidates, boxes, [...labels, ...places], picture);
    if (best.covered > 0 || own.width > picture.width || own.height > picture.height) return null;
    places.push(best.rect);
  }
  return { ...picture, places };
}

/** In rows or columns on the right or below, whichever makes the smaller drawing; none where they would be more than the picture. */
function panelsInMargin(faces: readonly Face[], room: Rect, size: number): Panels {
  const gap = Math.ceil(BETWEEN * size);
  const sizes = faces.map(({ row }) => panelSize(row, size));
  const [w, h] = [
    Math.max(...sizes.map(({ width }) => width)) + gap,
    Math.max(...sizes.map(({ height }) => height)) + gap,
  ];
  const grid = (beside: boolean): Panels => {
    const along = Math.max(1, Math.floor((beside ? room.height - gap : room.width - gap) / (beside ? h : w)));
    const lines = Math.ceil(faces.length / along);
    const places = sizes.map((own, i) => {
      const [line, at] = [Math.floor(i / along), i % along];
      const [x, y] = beside
        ? [room.width + gap + line * w, gap + at * h]
        : [gap + at * w, room.height + gap + line * h];
      return { ...own, x, y };
    });
    const width = beside ? room.width + gap + lines * w : Math.max(room.width, w + gap);
    const height = beside ? Math.max(room.height, h + gap) : room.height + gap + lines * h;
    return { places, width, height };
  };
  const [right, below] = [grid(true), grid(false)];
  const area = ({ width, height }: Pick<Rect, 'width' | 'height'>): number => width * height;
  const best = area(right) < area(below) ? right : below;
  return faces.length > 1 && area(best) > 2 * area(room) ? { ...room, places: [] } : best;
}
