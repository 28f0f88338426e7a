// Heat over a picture: its colours are in order for every eye, and a map lies where it belongs.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { enlarged, heatColour, overlay } from '../../src/base/pixels/heat';

const linear = (c: number): number => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);

/** CIE 1976 lightness of linear R, G, B. */
function lightness([r, g, b]: readonly number[]): number {
  const y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return y <= 216 / 24389 ? (y * 24389) / 27 : 116 * Math.cbrt(y) - 16;
}

/** How linear colours look without the cones of middle, long or short waves (Machado et al. 2009, severity 1). */
const EYES: Record<string, readonly (readonly number[])[]> = {
  all: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

for (const [eye, matrix] of Object.entries(EYES))
  test(`warmer is lighter, by about as much everywhere: ${eye}`, () => {
    const seen = Array.from({ length: 11 }, (_, i) => {
      const rgb = heatColour(i / 10).map(linear);
      return lightness(matrix.map((row) => row.reduce((sum, w, c) => sum + w * rgb[c], 0)));
    });
    const steps = seen.slice(1).map((v, i) => v - seen[i]);
    // Of 80 in all: each a tenth, give or take.
    assert.ok(
      steps.every((s) => s > 4 && s < 13),
      `${steps}`,
    );
  });

test('places are enlarged about their centres and reach to the edges', () => {
  const near = (got: Float32Array, want: readonly number[]): void =>
    assert.ok(got.length === want.length && want.every((v, i) => Math.abs(v - got[i]) < 1e-6), `${[...got]}`);
  near(enlarged(Float32Array.of(0.5), 1, 3, 2), [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
  near(enlarged(Float32Array.of(0, 1, 2, 3), 2, 2, 2), [0, 1, 2, 3]);
  near(enlarged(Float32Array.of(0, 0, 1, 1), 2, 1, 4), [0, 0.25, 0.75, 1]);
  near(enlarged(Float32Array.of(0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8), 3, 1, 1), [0.4]);
});

test('a picture is itself where nothing is warm, and warm where the map is', () => {
  const data = Uint8Array.from({ length: 8 * 8 * 3 }, (_, i) => (i * 37) % 256);
  const image = { width: 8, height: 8, data };
  assert.equal(overlay(image, new Float32Array(4), 2).data, data);
  const map = Float32Array.of(0, 0, 0, 1);
  const { data: seen } = overlay(image, map, 2);
  const at = (x: number, y: number): number[] => [...seen.subarray(3 * (8 * y + x), 3 * (8 * y + x) + 3)];
  assert.equal(at(0, 0), [...data.subarray(0, 3)]);
  const [r, g, b] = heatColour(1);
  const last = data.subarray(-3);
  assert.equal(
    at(7, 7),
    [r, g, b].map((c, i) => Math.round(last[i] + 0.75 * (c - last[i]))),
  );
});

test.run();
