// How long a step takes at least on some GPUs, by what is published of them and what it launches.
import type { LaunchWork } from '../src/device';
import { launchesOfStep, type Precision, totalOf } from './launches';
import { paperDevice } from './paper';
import type { StepWork } from './steps';

/** A GPU by what is published of it. */
export interface GpuClass {
  readonly name: string;
  /** 1e9 multiply-adds a second of float32, twice. */
  readonly gflops: number;
  /** 1e9 bytes a second. */
  readonly gbps: number;
  /** Microseconds that a launch takes the GPU beside its work, and the CPU that records and submits it. */
  readonly gap: number;
  readonly host: number;
  readonly source: string;
}

const HOST = 30;

/** Three classes: what a data centre has, a desktop, a laptop without a GPU of its own. */
export const GPUS: readonly GpuClass[] = [
  {
    ...{ name: 'H200', gflops: 67_000, gbps: 4800, gap: 0.9, host: HOST },
    source: 'NVIDIA H200 SXM data sheet: 67 TFLOPS FP32, 4.8 TB/s',
  },
  {
    ...{ name: 'RTX 4070', gflops: 29_150, gbps: 504, gap: 0.9, host: HOST },
    source: 'NVIDIA: 5,888 cores x 2 x 2.475 GHz; 192 bits of GDDR6X at 21 Gbit/s',
  },
  {
    ...{ name: 'Iris Xe 96EU', gflops: 2074, gbps: 68.3, gap: 5, host: HOST },
    source: 'Intel i7-1185G7: 96 EU x 16 flop x 1.35 GHz; 128 bits of LPDDR4x-4266',
  },
];

export const NOTES = [
  'gap: 0.9 us is 3.8 a launch less 2.9 that its kernel runs (NVIDIA, Getting Started with CUDA Graphs, V100); 5 us is assumed, none is published.',
  'host: 24 to 36 us a WebGPU dispatch on Vulkan, whatever the GPU (Maczan 2026, arXiv:2604.02344); here 30.',
] as const;

export interface Prediction {
  /** Milliseconds: of arithmetic and memory; the same with the gaps between launches; of the CPU that records them. */
  readonly work: number;
  readonly gpu: number;
  readonly host: number;
  /** A step: CPU and GPU work side by side, so the slower of both. */
  readonly step: number;
}

/**
 * work = sum over launches of max(flop / gflops, bytes / gbps); gpu = work + launches * gap; host = launches * host cost;
 * step = max(gpu, host). Nothing is under `work` but what stays in caches.
 */
export function predict(launches: readonly LaunchWork[], { gflops, gbps, gap, host }: GpuClass): Prediction {
  const work = launches.reduce((ms, { flop, bytes }) => ms + Math.max(flop / gflops, bytes / gbps) / 1e6, 0);
  const gpu = work + (launches.length * gap) / 1000;
  const recorded = (launches.length * host) / 1000;
  return { work, gpu, host: recorded, step: Math.max(gpu, recorded) };
}

interface Row {
  readonly work: string;
  readonly precision: Precision;
  readonly launches: number;
  readonly bytes: number;
  readonly flop: number;
  readonly gpus: Readonly<Record<string, Prediction>>;
}

/** Predicts every step in both precisions. Activations alone are stored as f16: it halves their bytes, and no arithmetic. */
export async function predictions(steps: readonly StepWork[]): Promise<Row[]> {
  const device = await paperDevice();
  return steps.flatMap((work) =>
    (['f32', 'f16'] as const).map((precision) => {
      const launches = launchesOfStep(device, work, precision);
      const { launches: n, bytes, flop } = totalOf(launches);
      const gpus = Object.fromEntries(GPUS.map((gpu) => [gpu.name, predict(launches, gpu)]));
      return { work: work.name, precision, launches: n, bytes, flop, gpus };
    }),
  );
}

/** What is assumed, the formula, and a line a step and GPU. */
export function predictionTable(rows: readonly Row[]): string[] {
  const cells = (of: readonly (string | number)[]): string =>
    of.map((c, i) => (i === 0 ? String(c).padEnd(36) : String(c).padStart(i === 5 ? 14 : 10))).join('');
  const ms = (value: number): string => value.toFixed(2);
  return [
    ...GPUS.map(
      ({ name, gflops, gbps, gap, host, source }) =>
        `${name.padEnd(14)}${gflops} GFLOP/s, ${gbps} GB/s, gap ${gap} us, host ${host} us a launch (${source})`,
    ),
    ...NOTES,
    'work = sum of max(flop / GFLOP/s, bytes / GB/s); gpu = work + launches x gap; host = launches x host; step = max(gpu, host); ms',
    cells(['step', '', 'launches', 'MB', 'GFLOP', 'GPU', 'work', 'gpu', 'host', 'step']),
    ...rows.flatMap(({ work, precision, launches, bytes, flop, gpus }) =>
      Object.entries(gpus).map(([name, { work: busy, gpu, host, step }]) =>
        cells([
          ...[work.replace('step emotion_gcn ', ''), precision, launches, (bytes / 1e6).toFixed(0)],
          ...[(flop / 1e9).toFixed(1), name, ms(busy), ms(gpu), ms(host), ms(step)],
        ]),
      ),
    ),
  ];
}
