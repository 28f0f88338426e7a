// npm run bench:scale [-- densenet|bregnext] [--quick] [--json] [--out FOLDER] [--gpu ID]
// How the cost of a training step grows with the batch and with the image: time and peak memory, of the larger ones the memory alone,
// which a dry run tells. --quick takes the smallest few.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import type { Device } from '../src/device';
import { openDevice } from '../src/device/node';
import { median } from './measure';
import { program } from './program';
import { drawScale, type Point, SCALED, type Scaled } from './scale_picture';
import { prepareStep } from './steps';

/** Sizes that are timed, and those of which memory alone is told. */
const GRID: Readonly<Record<Scaled, { at: number; of: number; batches: number[]; sizes: number[]; more: number[] }>> = {
  densenet: { at: 112, of: 4, batches: [2, 4, 8, 16], sizes: [96, 112, 128, 160, 188, 227], more: [35, 64, 128] },
  bregnext: { at: 64, of: 8, batches: [2, 4, 8, 16, 32], sizes: [32, 48, 64, 96, 128], more: [64, 128, 256] },
};
/** A point's repetitions end after this; the whole is some minutes on a CPU driver. */
const POINT_MS = 4000;

program(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      out: { type: 'string' },
      gpu: { type: 'string' },
    },
  });
  const networks = positionals.length > 0 ? positionals : SCALED;
  for (const name of networks)
    if (!SCALED.includes(name as Scaled))
      throw new InputError(`expected a network (${SCALED.join(' or ')}), found ${name}`);
  const points: Point[] = [];
  for (const network of networks as Scaled[])
    for (const cell of cells(network, values.quick)) {
      // A device of its own: nothing that an earlier size left behind is counted.
      const device = await openDevice({ gpu: values.gpu });
      const point = await measure(device, network, cell);
      device.destroy();
      if (points.length === 0 && !values.json) console.log(head(point.adapter));
      console.log(values.json ? JSON.stringify(jsonOf(point)) : tableRow(point));
      points.push(point);
    }
  if (values.out) {
    mkdirSync(values.out, { recursive: true });
    const { svg, png } = await drawScale(points, GRID);
    writeFileSync(join(values.out, 'scale.svg'), svg);
    writeFileSync(join(values.out, 'scale.png'), png);
  }
});

interface Cell {
  readonly size: number;
  readonly batch: number;
  readonly timed: boolean;
}

/** Batches at one image size, images at one batch size, and batches that are not run. */
function cells(network: Scaled, quick: boolean): Cell[] {
  const { at, of, batches, sizes, more } = GRID[network];
  const few = (list: number[]): number[] => (quick ? list.slice(0, 2) : list);
  return [
    ...few(batches).map((batch) => ({ size: at, batch, timed: true })),
    ...more.map((batch) => ({ size: at, batch, timed: false })),
    ...few(sizes.filter((size) => size !== at)).map((size) => ({ size, batch: quick ? 2 : of, timed: true })),
  ];
}

async function measure(device: Device, network: Scaled, { size, batch, timed }: Cell): Promise<Point> {
  const { run, bytes } = prepareStep(device, { name: '', network, size, batch, training: true });
  return { adapter: adapterOf(device), network, size, batch, bytes: bytes(), ms: timed ? await time(run) : null };
}

/** Milliseconds of a steady step: the median of up to five. */
async function time(run: () => Promise<unknown>): Promise<number> {
  await run();
  await run();
  const times: number[] = [];
  for (
    const start = performance.now();
    times.length < 2 || (times.length < 5 && performance.now() - start < POINT_MS);
  ) {
    const begin = performance.now();
    await run();
    times.push(performance.now() - begin);
  }
  return median(times);
}

const adapterOf = (device: Device): string => device.info.description || device.info.device;
const mib = (bytes: number): number => bytes / 2 ** 20;

const head = (adapter: string): string => {
  const titles = ['network', 'pixels', 'batch', 'ms', 'ms an image', 'peak MiB', 'MiB an image'];
  return `adapter: ${adapter}; training steps of emotion_gcn\n${titles.map((t) => t.padStart(13)).join('')}`;
};

function tableRow({ network, size, batch, ms, bytes }: Point): string {
  const time = ms === null ? ['(dry run)', ''] : [ms.toFixed(0), (ms / batch).toFixed(1)];
  const memory = [mib(bytes).toFixed(0), (mib(bytes) / batch).toFixed(1)];
  return [network, size, batch, ...time, ...memory].map((cell) => String(cell).padStart(13)).join('');
}

const jsonOf = ({ adapter, network, size, batch, ms, bytes }: Point) => ({
  ...{ work: `step emotion_gcn ${network} ${size} b${batch}`, adapter, network, size, batch, ms, peak_bytes: bytes },
});
