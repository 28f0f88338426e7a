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
/** Width of the scale of colours with its words. */
const SCALE = 240;
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
  text(title, PAD, PAD + LINE / 2, `bold ${HEADING}px`, WIDTH - 3 * PAD - SCALE);
  shapes.push(scaleSvg(WIDTH - PAD - SCALE, PAD + LINE / 2));

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
  // Beside the maps where there is room, else below them.
  const panel = panelSize(row as Seen, LETTERS);
  const below = x + panel.width > WIDTH - PAD;
  const end = y + LARGE + LINE;
  const place = below ? { x: PAD, y: end + GAP } : { x, y };
  shapes.push(panelSvg(row as Seen, { ...panel, ...place }, LETTERS, headingOf(row as Seen, false)));
  let bottom = Math.max(end, place.y + panel.height);
  if (neighbours) {
    const [left, top] = below ? [PAD + panel.width + GAP, end + GAP] : [PAD, bottom + GAP];
    text('Nearest validation faces, by cosine distance of features', left, top + LINE / 2, `bold ${LETTERS}px`);
    const along = Math.floor((WIDTH - PAD - left + GAP) / (SMALL + GAP));
    for (const [i, { expression, distance }] of neighbours.entries()) {
      const [column, line] = [i % along, Math.floor(i / along)];
      x = left + column * (SMALL + GAP);
      y = top + LINE + GAP / 2 + line * (SMALL + 2 * LINE + GAP / 2);
      const picture = pictures[i];
      if (picture) layers.push(await placed(picture, SMALL, x, y));
      text(expression, x, y + SMALL + LINE / 2, undefined, SMALL);
      text(distance.toFixed(4), x, y + SMALL + 1.4 * LINE, undefined, SMALL, MUTED);
      bottom = Math.max(bottom, y + SMALL + 2 * LINE);
    }
  }
  const height = Math.ceil(bottom + PAD);
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

function scaleSvg(x: number, y: number): string {
  const label = (content: string, at: number, anchor: string): string =>
    textSvg(content, at, y, `${LETTERS}px`, MUTED, anchor);
  const [from, to] = [x + 48, x + SCALE - 42];
  const steps = Array.from({ length: (to - from) / 2 }, (_, i) => {
    const color = heatColour((2 * i) / (to - from - 2));
    return `<rect x="${from + 2 * i}" y="${y - 4}" width="2.5" height="8" fill="rgb(${color})"/>`;
  });
  return [...steps, label('little', x, 'start'), label('most', x + SCALE, 'end')].join('');
}
