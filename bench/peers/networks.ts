// Whole steps and inference in other engines. Their networks are the trunks with a linear head and cross entropy; ours has the
// GCN head and the CCC loss on top. ONNX Runtime gets our own export, and so must give our scores.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from '../../src/device';
import { exportOnnx } from '../../src/train/export/onnx';
import { filler } from '../measure';
import { type PreparedStep, prepareStep, type StepWork } from '../steps';
import type { Task } from '../works';
import { inTurn } from './compare';
import { type Lanes, PEERS } from './lanes';
import type { Peer } from './peer';
import type { Report } from './report';
import { sampled } from './serve.mjs';

/** Who computes what. */
export const MEASURED_STEPS: ReadonlyMap<string, readonly string[]> = new Map([
  ['step emotion_gcn densenet 112 b8', [PEERS.tfjs, PEERS.kept, PEERS.installed]],
  ['step emotion_gcn bregnext 64 b16', [PEERS.tfjs]],
  ['inference emotion_gcn densenet 112 b1', [PEERS.tfjs, PEERS.onnx]],
  ['inference emotion_gcn densenet 112 b32', [PEERS.tfjs, PEERS.onnx]],
]);

export async function compareSteps(
  device: Device,
  works: readonly StepWork[],
  lanes: Lanes,
  report: Report,
): Promise<void> {
  for (const work of works) {
    const before = device.stats().live;
    const ours = prepareStep(device, work);
    await ours.run();
    device.pool.resetPeak();
    await ours.run();
    const peak = device.stats().peak - before;
    for (const name of MEASURED_STEPS.get(work.name) ?? []) {
      try {
        await compareStep(work, ours, peak, lanes.get(name), report);
      } catch (error) {
        report.skip(work.name, name, (error as Error).message);
      }
    }
  }
}

async function compareStep(
  work: StepWork,
  ours: PreparedStep,
  peak: number,
  peer: Peer,
  report: Report,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-peers-'));
  try {
    const { network, size, batch, training } = work;
    const task: Task = { op: training ? 'step' : 'inference', network, size, batch };
    const file: Task = peer.name === PEERS.onnx ? { file: await writeOnnx(folder, ours, work) } : {};
    await peer.prepare({ ...task, ...file });
    const before = await peer.samples();
    const pair = await inTurn((times) => timed(ours, times), peer, { rounds: 2, ms: 2000 });
    const after = await peer.samples();
    checkAlive(training, before, after);
    if (peer.name === PEERS.onnx) checkScores(await ours.run(), after[0]);
    report.add({ work: work.name, unit: 'ms', peer: peer.name, ...pair });
    if (!training || peer.name === PEERS.installed || network !== 'densenet') return;
    const [mine, theirs] = [peak, await peer.memory()].map((bytes) => bytes / 2 ** 20);
    report.add({ work: `peak memory of ${work.name}`, unit: 'MiB', ours: mine, peer: peer.name, theirs });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function timed({ run }: PreparedStep, times: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < times; i++) await run();
  return performance.now() - start;
}

async function writeOnnx(folder: string, { model }: PreparedStep, { network, size }: StepWork): Promise<string> {
  const config = { model: 'emotion_gcn', network, imageSize: size } as const;
  const classes = Array.from({ length: 7 }, (_, i) => String(i));
  const file = join(folder, 'network.onnx');
  writeFileSync(file, exportOnnx({ config, classes, state: await model.stateDict(), embedding: filler(2700) }));
  return file;
}

/** @throws Error when a peer's step leaves its first layer as it was, or its scores are no scores */
export function checkAlive(training: boolean, [, before]: number[][], [result, after]: number[][]): void {
  if (!result.every(Number.isFinite)) throw new Error(`its result is ${result[0]}`);
  if (training && after.every((v, i) => v === before[i]))
    throw new Error('its first layer does not change: it does not train');
  if (!training && new Set(result).size < 7) throw new Error('its scores are all alike: it does not compute');
}

function checkScores(ours: Float32Array, theirs: readonly number[]): void {
  const most = ours.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  for (const [s, i] of sampled(ours.length).entries())
    if (!(Math.abs(ours[i] - theirs[s]) <= 1e-3 * most))
      throw new Error(`its scores are not ours: ${theirs[s]}, ours ${ours[i]}`);
}
