import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { readSafetensors } from '../../src/formats/safetensors';

/** A golden file (test/golden/README.md): its tensors' numbers and shapes, and its metadata. */
export function golden(name: string, folder = 'test/golden/faces') {
  const file = readSafetensors(readFileSync(`${folder}/${name}.safetensors`), name);
  return {
    metadata: file.metadata,
    shape: (key: string): number[] => file.tensors.get(key)!.shape,
    numbers: (key: string): Float64Array => Float64Array.from(file.tensors.get(key)!.data as Float64Array, Number),
    /** [H, W, 1 or 3] as a picture. */
    picture(key: string): RgbImage {
      const { shape, data } = file.tensors.get(key)!;
      const [height, width, channels] = shape;
      const rgb = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
        Number(data[channels === 3 ? i : Math.floor(i / 3)]),
      );
      return { width, height, data: rgb };
    },
  };
}

/** [H, W, C] to [C, H, W]. */
export function planes(hwc: ArrayLike<number>, channels: number): Float64Array {
  const size = hwc.length / channels;
  return Float64Array.from({ length: hwc.length }, (_, i) => hwc[(i % size) * channels + Math.floor(i / size)]);
}

/** Every number is within `most` of what is wanted. */
export function near(found: ArrayLike<number>, wanted: ArrayLike<number>, most: number, what: string): void {
  assert.is(found.length, wanted.length, `${what}: numbers`);
  for (let i = 0; i < wanted.length; i++)
    assert.ok(Math.abs(found[i] - wanted[i]) <= most, `${what} [${i}]: ${found[i]}, expected ${wanted[i]}`);
}
