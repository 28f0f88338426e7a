// JPEGs that libjpeg-turbo decodes by itself against libvips: the same bytes, or left to it.
import sharp, { type JpegOptions } from 'sharp';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { RgbImage } from '../../src/base/pixels/rgb_image';
import { randomStream, randomUniform } from '../../src/base/random';
import { readPlainJpeg } from '../../src/formats/picture/jpeg';
import { differences, golden } from '../data/goldens';

const test = suite('plain JPEGs');
const stream = randomStream('plain JPEGs', 0);
let drawn = 0;
/** Integers below `n`. */
const draw = (n: number): number => Math.floor(randomUniform(stream, drawn++) * n);

/** Slopes with noise, or black and white noise, which takes every range that there is. */
async function jpeg(width: number, height: number, hard: boolean, options: JpegOptions, grey = false): Promise<Buffer> {
  const pixel = (i: number) => (hard ? draw(2) * 255 : (i * 5 + Math.floor(i / width) * 3 + draw(40)) & 255);
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => pixel(i));
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  return (grey ? picture.toColourspace('b-w') : picture).jpeg(options).toBuffer();
}

async function byLibrary(bytes: Uint8Array): Promise<RgbImage> {
  const { data, info } = await sharp(bytes, { failOn: 'error' })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

async function same(bytes: Uint8Array, what: string): Promise<void> {
  const own = await readPlainJpeg(bytes);
  assert.ok(own, `${what}: read`);
  const wanted = await byLibrary(bytes);
  assert.equal([own.width, own.height], [wanted.width, wanted.height], what);
  assert.is(differences(own.data, wanted.data), 0, what);
}

test('grey and colour, chroma dense and halved, any size and quality', async () => {
  for (let i = 0; i < 90; i++) {
    const [width, height] = [8 + draw(60), 1 + draw(60)];
    const options = {
      quality: [5, 50, 80, 95, 100][draw(5)],
      chromaSubsampling: ['4:2:0', '4:4:4'][draw(2)],
      optimiseCoding: draw(2) === 1,
    };
    const grey = i % 3 === 0;
    await same(
      await jpeg(width, height, i % 2 === 0, options, grey),
      `${width} x ${height} ${JSON.stringify(options)} ${grey}`,
    );
  }
});

/** 19 x 13 pixels, chroma halved across alone, by Pillow. */
const ACROSS =
  '/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABQODxIPDRQSEBIXFRQYHjIhHhwcHj0sLiQySUBMS0dARkVQWnNiUFVtVkVGZIhlbXd7gYKBTmCNl4x9lnN+gXz/2wBDARUXFx4aHjshITt8U0ZTfHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHx8fHz/wAARCAANABMDASEAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAwAE/8QAHRABAAICAgMAAAAAAAAAAAAAAQACAxEhMVFxof/EABcBAAMBAAAAAAAAAAAAAAAAAAIDBAX/xAAiEQABBAECBwAAAAAAAAAAAAAAAQIDEQRBgRITISIx0fD/2gAMAwEAAhEDEQA/ANdrFDbAtZu89eItsdVE3f0SYsOoTlqOuX1KM50KdKX7c2Ux1EVXb3AyZFWpwH2C3tYleXag4saWHKVpA2jY4EP/2Q==';

test('chroma halved across alone; restart markers', async () => {
  await same(Buffer.from(ACROSS, 'base64'), 'across');
  const { tensors } = golden('test/golden/data/pictures.safetensors');
  const [file, rgb] = ['file', 'rgb'].map((of) => tensors.get(`jpeg_restart.${of}`)!.data as Uint8Array);
  assert.is(differences((await readPlainJpeg(file))!.data, rgb), 0, "OpenCV's own bytes");
});

test('what is out of the ordinary is left to the library', async () => {
  const plain = await jpeg(40, 30, false, {});
  assert.ok(await readPlainJpeg(plain));
  const turned = await sharp(plain).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const cmyk = await sharp(plain).toColourspace('cmyk').jpeg().toBuffer();
  const others = { turned, cmyk, progressive: await jpeg(40, 30, false, { progressive: true }) };
  const narrow = { large: await jpeg(1000, 600, false, {}) };
  const damaged = {
    cut: plain.subarray(0, -40),
    short: plain.subarray(0, 100),
    none: plain.subarray(0, 0),
    'no JPEG': await sharp(plain).png().toBuffer(),
  };
  for (const [what, bytes] of Object.entries({ ...others, ...narrow, ...damaged }))
    assert.is(await readPlainJpeg(bytes), null, what);
});

test('damaged anywhere: read as of its size, or left to the library; and what comes next is right', async () => {
  const bases = [
    await jpeg(33, 21, false, { quality: 90 }),
    await jpeg(24, 17, true, { chromaSubsampling: '4:4:4' }),
    Buffer.from(ACROSS, 'base64'),
  ];
  let [read, left] = [0, 0];
  for (let i = 0; i < 400; i++) {
    let bytes = Buffer.from(bases[i % bases.length]);
    const at = draw(bytes.length);
    const kind = draw(3);
    if (kind === 0) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + draw(4))]);
    else bytes[at] = kind === 1 ? draw(256) : 0xff;
    const own = await readPlainJpeg(bytes);
    if (!own) {
      left++;
      continue;
    }
    read++;
    // Pixels may differ: its code wraps other numbers that no encoder writes than libvips' vectors do.
    const { width, height } = await byLibrary(bytes);
    assert.equal([own.width, own.height, own.data.length], [width, height, width * height * 3], `${i}, byte ${at}`);
  }
  assert.ok(read > 20 && left > 20, `${read} read, ${left} left`);
  for (const [i, base] of bases.entries()) await same(base, `base ${i} after them`);
});

test.run();
