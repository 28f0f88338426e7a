// Colours that are made by number: of classes, and of shades. OKLCH (Ottosson 2020), so that equal steps look equal; sRGB as #rrggbb.

/** Hues of the first classes, far from each other's neighbours; those behind them lie between, each time darker. */
const HUES = [255, 50, 150, 25, 310, 195, 350, 100];

/** A colour in either theme. */
export interface Pair {
  readonly light: string;
  readonly dark: string;
}

/** As CSS has it. */
export const css = ({ light, dark }: Pair): string => `light-dark(${light}, ${dark})`;

/** The colour of class `c`: at least 3:1 against the page (WCAG 2.2, 1.4.11). */
export function classColour(c: number): Pair {
  const round = Math.floor(c / HUES.length);
  const hue = HUES[c % HUES.length] + 17 * round;
  const step = 0.02 * (round % 8);
  return { light: oklch(0.6 - step, 0.145, hue), dark: oklch(0.74 + step, 0.145, hue) };
}

/** What a shade says: how much there is, or how much of what should not be. */
export type Tone = 'cool' | 'warm';

/** A square's background for `share` of 0 to 1, and the ink on it: at least 4.5:1. */
export function shade(share: number, tone: Tone): { readonly background: Pair; readonly ink: Pair } {
  const t = Math.max(0, Math.min(1, share || 0)) ** 0.8;
  const background = (from: number, to: number): string =>
    oklch(from + (to - from) * t, 0.01 + 0.16 * t ** 0.7, tone === 'cool' ? 278 : 50);
  const [light, dark] = [background(0.975, 0.48), background(0.24, 0.76)];
  const ink = (on: string): string => (contrast(on, INK[0]) >= 4.5 ? INK[0] : INK[1]);
  return { background: { light, dark }, ink: { light: ink(light), dark: ink(dark) } };
}

const INK = ['#ffffff', '#000000'];

/** Contrast of two colours, 1 to 21 (WCAG 2.2). */
export function contrast(a: string, b: string): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const x = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** As sRGB, with so much less chroma as its gamut asks for. */
function oklch(lightness: number, chroma: number, hue: number): string {
  const [cos, sin] = [Math.cos((hue * Math.PI) / 180), Math.sin((hue * Math.PI) / 180)];
  for (let c = chroma; ; c -= 0.004) {
    const [a, b] = [Math.max(0, c) * cos, Math.max(0, c) * sin];
    const [l, m, s] = [
      (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
      (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
      (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3,
    ];
    const linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
    ];
    if (c > 0 && linear.some((x) => x < 0 || x > 1)) continue;
    return `#${linear
      .map((x) => {
        const v = Math.max(0, Math.min(1, x));
        return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055))
          .toString(16)
          .padStart(2, '0');
      })
      .join('')}`;
  }
}
