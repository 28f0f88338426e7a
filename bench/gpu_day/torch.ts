// Our training step beside PyTorch's, in turn, where a python3 has it: on its GPU, else on the CPU. ratio = its time / ours.
import { parseArgs } from 'node:util';
import { openDevice } from '../../src/device/node';
import { type TileTable, useTiles } from '../../src/kernels/variant';
import { count } from '../measure';
import { inTurn } from '../peers/compare';
import { pythonWithTorch, torch } from '../peers/lanes';
import { checkAlive, timed } from '../peers/networks';
import type { Peer } from '../peers/peer';
import { program } from '../program';
import { prepareStep } from '../steps';
import { withoutF16 } from './f16';
import { SIZE_OPTIONS, sizeOf } from './sizes';

/** What is said most by the least time first: compiling takes a minute each. */
const PEERS = [
  { precision: 'f32', compiled: 0 },
  { precision: 'tf32', compiled: 0 },
  { precision: 'amp', compiled: 0 },
  { precision: 'f32', compiled: 1 },
  { precision: 'amp', compiled: 1 },
  { precision: 'tf32', compiled: 1 },
] as const;

/** @throws Error when `promise` takes longer than the time that is left */
async function within<T>(end: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('no time was left')), Math.max(0, end - performance.now()));
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

program(async () => {
  const { values } = parseArgs({ options: { ...SIZE_OPTIONS, tiles: { type: 'string', default: '{}' } } });
  const size = sizeOf(values);
  const end = performance.now() + 1000 * count('seconds', values.seconds);
  const work = `step emotion_gcn ${size.network} ${size.size} b${size.batch}`;
  const tell = (row: object): void => console.log(JSON.stringify({ work, ...row }));
  const tiles = JSON.parse(values.tiles) as Record<'f32' | 'f16', TileTable>;
  let python: string;
  try {
    python = pythonWithTorch();
  } catch (error) {
    return tell({ left_out: (error as Error).message });
  }
  for (const { precision, compiled } of PEERS) {
    const peer = `torch ${precision}${compiled ? ' compiled' : ''}`;
    const own = precision === 'amp' ? 'f16' : 'f32';
    if (performance.now() > end) {
      tell({ peer, left_out: 'no time was left' });
      continue;
    }
    const device = await openDevice({ gpu: values.gpu });
    const without = own === 'f16' ? withoutF16(device) : null;
    if (without !== null) {
      tell({ peer, left_out: without });
      device.destroy();
      continue;
    }
    // What goes wrong here is ours; only the peer may be left out.
    useTiles(device, tiles[own] ?? {});
    const ours = prepareStep(device, { name: work, ...size, training: true }, own);
    await ours.run();
    device.pool.resetPeak();
    await ours.run();
    const { peak } = device.stats();
    let other: Peer | null = null;
    try {
      other = torch(peer, {}, python);
      const { network, size: side, batch } = size;
      const task = { op: 'step', network, size: side, batch, device: 'best', precision, compiled };
      const which = await within(end, other.prepare(task));
      const before = await within(end, other.samples());
      const pair = await within(
        end,
        inTurn((times) => timed(ours, times), other, { rounds: 3, ms: 2000 }),
      );
      checkAlive(true, before, await other.samples());
      const peerBytes = await other.memory();
      tell({
        ...{ peer, ...which, precision: own, ours_ms: pair.ours, peer_ms: pair.theirs, ratio: pair.theirs / pair.ours },
        ...{ ours_bytes: peak, peer_bytes: peerBytes, memory_ratio: peerBytes / peak },
        tiles: Object.keys(tiles[own] ?? {}).length,
      });
    } catch (error) {
      tell({ peer, left_out: (error as Error).message });
    } finally {
      other?.end();
      device.destroy();
    }
  }
});
