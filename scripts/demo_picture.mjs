// The README's picture out of a demo run: node scripts/demo_picture.mjs RUN OUT.png
import { join } from 'node:path';
import sharp from 'sharp';

const [run, out] = process.argv.slice(2);
const WIDTH = 1200;
const GAP = 10;
const FACES = 10;
const side = Math.floor((WIDTH - GAP) / FACES) - GAP;

const faces = await Promise.all(
  Array.from({ length: FACES }, async (_, i) => ({
    input: await sharp(join(run, 'faces/images/validation', `${String(i).padStart(5, '0')}.jpg`))
      .resize(side)
      .toBuffer(),
    left: GAP + i * (side + GAP),
    top: GAP,
  })),
);
const part = (name, width) =>
  sharp(join(run, `${name}.png`))
    .resize({ width })
    .flatten({ background: 'white' })
    .toBuffer({ resolveWithObject: true });
const curves = await part('results', WIDTH);
const halves = await Promise.all(['confusion_matrix', 'valence_arousal'].map((name) => part(name, WIDTH / 2)));
const tops = [side + 2 * GAP, side + 2 * GAP + curves.info.height];
const height = tops[1] + Math.max(...halves.map(({ info }) => info.height));
await sharp({ create: { width: WIDTH, height, channels: 3, background: 'white' } })
  .composite([
    ...faces,
    { input: curves.data, left: 0, top: tops[0] },
    ...halves.map(({ data }, i) => ({ input: data, left: (i * WIDTH) / 2, top: tops[1] })),
  ])
  .png({ palette: true })
  .toFile(out);
