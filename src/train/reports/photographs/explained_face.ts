// A face with what explains its prediction, as a picture.
import sharp, { type OverlayOptions } from 'sharp';
import { heatColour, overlay } from '../../../base/pixels/heat';
import type { RgbImage } from '../../../base/pixels/rgb_image';
import type { ExplainedFace } from '../../explain/explain';
import { textToPaths } from '../charts/lettering';
import { fitText, GROUND, headingOf, INK, MUTED, panelSize, panelSvg, type Seen, textSvg } from './panel';

/** Pixels: side of the face and its maps, of a neighbour, room around all and between. */
const [LARGE, SMALL, PAD, GAP] = [240, 112, 24, 16];
/** Height of letters, of a heading's, and of a line. */
const [LETTERS, HEADING, LINE] = [14, 18, 22];
/** Of the face and three maps: the width of all. */
const WIDTH = 2 * PAD + 4 * LARGE + 3 * GAP;
const QUALITY = 92;

/**
 * Draws the face as the network sees it, each of its maps over it, what the network says, and the nearest validation faces.
 * @param title of the picture that it is of
 * @param mark for the metadata of the JPEG
 */
export async function drawExplained({ row, pictures }: ExplainedFace, title: string, mark: string): Promise<Buffer> {
  const layers: OverlayOptions[] = [];
  const shapes: string[] = [];
  const text = (content: string, x: number, y: number, css = `${LETTERS}px`, width = WIDTH, color = INK): void => {
    shapes.push(textSvg(fitText(content, width, css), x, y, css, color));
  };
  text(title, PAD, PAD + LINE / 2, `bold ${HEADING}px`, WIDTH - 2 * PAD);

  let [x, y] = [PAD, PAD + LINE + GAP];
  const { crop, maps, neighbours } = row;
  const large: readonly (readonly [RgbImage, string])[] = [
    [crop, 'the face as the network sees it'],
    ...maps.map(
      ({ of, map, size, peak }) => [overlay(crop, map, size), peak ? `raises ${of}` : `nothing raises ${of}`] as const,
    ),
  ];
  for (const [image, caption] of large) {
    layers.push(await placed(image, LARGE, x, y));
    text(caption, x, y + LARGE + LINE / 2, undefined, LARGE);
    x += LARGE + GAP;
  }
  const panel = panelSize(row as Seen, LETTERS);
  if (x + panel.width > WIDTH) [x, y] = [PAD, y + LARGE + LINE + GAP];
  shapes.push(panelSvg(row as Seen, { ...panel, x, y }, LETTERS, headingOf(row as Seen, false)));
  const beside = x + panel.width + GAP + SCALE <= WIDTH ? [x + panel.width + GAP, y] : [x, y + panel.height + GAP];
  shapes.push(scaleSvg(beside[0], beside[1]));
  y += Math.max(panel.height, x > PAD ? LARGE + LINE : 0) + GAP;

  if (neighbours) {
    text('Nearest validation faces, by the cosine distance of features', PAD, y + LINE / 2, `bold ${LETTERS}px`);
    y += LINE + GAP / 2;
    const along = Math.floor((WIDTH - 2 * PAD + GAP) / (SMALL + GAP));
    for (const [i, { expression, distance }] of neighbours.entries()) {
      const picture = pictures[i];
      const [left, top] = [PAD + (i % along) * (SMALL + GAP), y + Math.floor(i / along) * (SMALL + 2 * LINE + GAP)];
      if (picture) layers.push(await placed(picture, SMALL, left, top));
      text(expression, left, top + SMALL + LINE / 2, undefined, SMALL);
      text(distance.toFixed(4), left, top + SMALL + 1.4 * LINE, undefined, SMALL, MUTED);
    }
    y += Math.ceil(neighbours.length / along) * (SMALL + 2 * LINE + GAP);
  }
  const height = Math.ceil(y - GAP + PAD);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}">${shapes.join('')}</svg>`;
  layers.push({ input: Buffer.from(textToPaths(svg)), left: 0, top: 0 });
  return sharp({ create: { width: WIDTH, height, channels: 3, background: GROUND } })
    .composite(layers)
    .removeAlpha()
    .withExif({ IFD0: { Software: mark } })
    .jpeg({ quality: QUALITY, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

/** A square picture at a place, of a side. */
async function placed(
  { width, height, data }: RgbImage,
  side: number,
  left: number,
  top: number,
): Promise<OverlayOptions> {
  const input = await sharp(Buffer.from(data.buffer, data.byteOffset, data.length), {
    raw: { width, height, channels: 3 },
  })
    .resize(side, side)
    .raw()
    .toBuffer();
  return { input, raw: { width: side, height: side, channels: 3 }, left, top };
}

/** Width of the scale of colours. */
const SCALE = 200;

function scaleSvg(x: number, y: number): string {
  const steps = Array.from({ length: SCALE / 4 }, (_, i) => {
    const color = heatColour((4 * i) / (SCALE - 4));
    return `<rect x="${x + 4 * i}" y="${y + LINE}" width="4" height="8" fill="rgb(${color})"/>`;
  });
  const label = (content: string, at: number, anchor: string): string =>
    textSvg(content, at, y + LINE / 2, `${LETTERS}px`, MUTED, anchor);
  return [label('little', x, 'start'), label('most', x + SCALE, 'end'), ...steps].join('');
}
