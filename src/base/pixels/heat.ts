// A map of numbers laid over a picture as heat.
import type { RgbImage } from './rgb_image';

/** Colours of 0 to 1 in as many steps. */
const STEPS = 256;
/** How much of a pixel the heat takes where the map is 1. */
const MOST = 0.75;

/**
 * The colour of v in [0, 1]: from a dark violet over red and orange to a light yellow. In OKLab (Ottosson 2020) its lightness rises evenly
 * from 0.28 to 0.94, so that the order is seen without telling hues apart, also in grey; its hue turns evenly from 300 to 100 degrees by way of red, with as much
 * chroma, 0.18 at most, as sRGB has there.
 * @returns bytes of R, G, B
 * @example
 * heatColour(1)[0] > heatColour(0)[0]; // true
 */
export function heatColour(v: number): [r: number, g: number, b: number] {
  const lightness = 0.28 + 0.66 * v;
  const hue = ((300 + 160 * v) * Math.PI) / 180;
  let chroma = 0.18;
  let rgb = linear(lightness, chroma, hue);
  while (chroma > 0 && rgb.some((c) => c < 0 || c > 1)) {
    chroma -= 0.002;
    rgb = linear(lightness, chroma, hue);
  }
  return rgb.map((c) => Math.round(255 * gamma(Math.min(Math.max(c, 0), 1)))) as [number, number, number];
}

/** Linear R, G, B of a colour of OKLab. */
function linear(lightness: number, chroma: number, hue: number): number[] {
  const [a, b] = [chroma * Math.cos(hue), chroma * Math.sin(hue)];
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

const gamma = (c: number): number => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055);

let colours: Uint8Array | null = null;

/**
 * A picture with a map over it: warm where the map is high, the picture itself where it is 0. The map is enlarged bilinearly to all of the
 * picture, places at the centres of their cells.
 * @param map size x size numbers of [0, 1], row by row, as `gradCam` gives it
 * @example
 * const grey: RgbImage = { width: 2, height: 1, data: new Uint8Array(6).fill(128) };
 * overlay(grey, Float32Array.of(0), 1).data; // [128, 128, 128, 128, 128, 128]
 */
export function overlay({ width, height, data }: RgbImage, map: Float32Array, size: number): RgbImage {
  colours ??= Uint8Array.from({ length: STEPS }, (_, i) => i).reduce(
    (table, i) => {
      table.set(heatColour(i / (STEPS - 1)), 3 * i);
      return table;
    },
    new Uint8Array(3 * STEPS),
  );
  const out = new Uint8Array(data.length);
  const heat = enlarged(map, size, width, height);
  for (let p = 0; p < heat.length; p++) {
    const v = heat[p];
    const share = MOST * v;
    const from = 3 * Math.round(v * (STEPS - 1));
    for (let c = 0; c < 3; c++) {
      const i = 3 * p + c;
      out[i] = Math.round(data[i] + share * (colours[from + c] - data[i]));
    }
  }
  return { width, height, data: out };
}

/**
 * size x size numbers as height x width, bilinearly: places at the centres of their cells, the outermost reach to the edge.
 * @example
 * enlarged(Float32Array.of(0, 1, 0, 1), 2, 4, 1); // [0, 0.25, 0.75, 1]
 */
export function enlarged(map: Float32Array, size: number, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height);
  const [across, down] = [places(size, width), places(size, height)];
  for (let y = 0, p = 0; y < height; y++) {
    const [y0, y1, fy] = down[y];
    for (let x = 0; x < width; x++, p++) {
      const [x0, x1, fx] = across[x];
      const top = map[y0 * size + x0] * (1 - fx) + map[y0 * size + x1] * fx;
      const bottom = map[y1 * size + x0] * (1 - fx) + map[y1 * size + x1] * fx;
      out[p] = top * (1 - fy) + bottom * fy;
    }
  }
  return out;
}

/** Of each of `to` pixels: the two places of `from` that it lies between, and how near it is to the second. */
function places(from: number, to: number): [number, number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const first = Math.floor(at);
    return [first, Math.min(first + 1, from - 1), at - first];
  });
}
