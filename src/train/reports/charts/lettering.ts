// Text of an SVG as paths: a bare machine has no fonts, so the letters come from a font file that is installed along.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import opentype, { type Font, type PathCommand } from 'opentype.js';

const FILES = { normal: 'DejaVuSans.ttf', bold: 'DejaVuSans-Bold.ttf' } as const;
type Weight = keyof typeof FILES;

const fonts = new Map<Weight, Font>();

function font(weight: Weight): Font {
  let found = fonts.get(weight);
  if (!found) {
    const file = createRequire(import.meta.url).resolve(`dejavu-fonts-ttf/ttf/${FILES[weight]}`);
    found = opentype.parse(Uint8Array.from(readFileSync(file)).buffer, { lowMemory: true });
    fonts.set(weight, found);
  }
  return found;
}

/** Letters of a line one after the other. (Not opentype.js's own layout: it refuses this font's substitution tables.) */
function layOut(text: string, face: Font, size: number): { width: number; draw(x: number, y: number): string } {
  const glyphs = Array.from(text, (character) => face.charToGlyph(character));
  const advance = (glyph: (typeof glyphs)[number]) => (glyph.advanceWidth * size) / face.unitsPerEm;
  return {
    width: glyphs.reduce((sum, glyph) => sum + advance(glyph), 0),
    draw(x, y) {
      let path = '';
      for (const glyph of glyphs) {
        path += glyph.getPath(x, y, size).commands.map(pathData).join('');
        x += advance(glyph);
      }
      return path;
    },
  };
}

/** A command as SVG. (Path.toPathData glues a number that rounds to -0 to the one before it.) */
function pathData({ type, x1, y1, x2, y2, x, y }: PathCommand): string {
  return (
    type +
    [x1, y1, x2, y2, x, y]
      .filter((v) => v !== undefined)
      .map((v) => v.toFixed(2))
      .join(' ')
  );
}

/** Width and height of a line of text in pixels. @param css a CSS font, such as `bold 12px sans-serif` */
export function measureText(text: string, css = '12px'): { width: number; height: number } {
  const size = pixels(css);
  return { width: layOut(text, font(weight(css)), size).width, height: size };
}

/**
 * An SVG with each of its text elements replaced by a path of the same look. Knows the elements that echarts writes:
 * one line each, with `text-anchor`, `dominant-baseline` central or none, and the font in `style`.
 */
export function textToPaths(svg: string): string {
  return svg.replace(/<text ([^>]*)>([^<]*)<\/text>/g, (_, attributes: string, content: string) => {
    const attribute = (name: string) => attributes.match(new RegExp(`(?:^| )${name}="([^"]*)"`))?.[1];
    const style = attribute('style') ?? '';
    const size = pixels(style);
    const line = layOut(decodeEntities(content), font(weight(style)), size);
    const anchor = { middle: 0.5, end: 1 }[attribute('text-anchor') ?? ''] ?? 0;
    const x = Number(attribute('x') ?? 0) - anchor * line.width;
    // Central: the middle of capitals and digits, 0.73 of the size high, so that numbers sit in the middle of their cells.
    const y = Number(attribute('y') ?? 0) + (attribute('dominant-baseline') === 'central' ? 0.365 * size : 0);
    const kept = attributes.replace(/(?:^| )(?:x|y|style|text-anchor|dominant-baseline|xml:space)="[^"]*"/g, '');
    return `<path d="${line.draw(x, y)}" ${kept.trim()}></path>`;
  });
}

const pixels = (css: string): number => Number(css.match(/([\d.]+)px/)?.[1] ?? 12);
const weight = (css: string): Weight => (/bold|[6-9]00/.test(css) ? 'bold' : 'normal');

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const decodeEntities = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39);/g, (_, name) => ENTITIES[name]);
