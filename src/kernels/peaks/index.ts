import { type Device, defineKernel } from '../../device';
import { passOver } from '../launch/pass';
import copySource from './copy.wgsl';
import multiplyAddSource from './multiply_add.wgsl';

const copy = defineKernel('peaks.copy', copySource);
const multiplyAdd = defineKernel('peaks.multiply_add', multiplyAddSource);

/** What an adapter can do at most, measured: the roofline that kernels are held against. */
export interface Peaks {
  /** 1e9 flop a second of float32 multiply-adds (two each) between registers. */
  readonly gflops: number;
  /** 1e9 bytes a second, read and written, of a copy too large for most caches. */
  readonly gbps: number;
  /** Microseconds of one of many launches that do nothing, recording included. */
  readonly dispatchMicroseconds: number;
}

/**
 * Measures an adapter's peaks by the wall clock, in about a second. The memory that it takes (twice 64 MiB on a CPU
 * driver, twice 256 MiB on a GPU) stays in the device's pool: give it a device of its own where that matters.
 */
export async function measurePeaks(device: Device): Promise<Peaks> {
  return {
    gflops: 1e-9 * (await multiplyAddRate(device)),
    gbps: 1e-9 * (await copyRate(device)),
    dispatchMicroseconds: 1e6 * (await dispatchSeconds(device)),
  };
}

/** Vectors of multiply_add.wgsl. */
const CHAINS = 2;

async function multiplyAddRate(device: Device): Promise<number> {
  const constants = { LANES: device.software ? 8 : 64, UNROLL: 8 };
  const groups = device.software ? 256 : 4096;
  const rounds = 1024;
  const lanes = groups * constants.LANES;
  const [x, y] = ['x', 'y'].map((name) => device.alloc(4 * lanes, `peaks.${name}`));
  device.upload(x, new Float32Array(lanes).fill(0.5));
  const seconds = await secondsEach(device, () =>
    device.dispatch(multiplyAdd, { buffers: { x, y }, params: { rounds }, constants, workgroups: [groups] }),
  );
  for (const s of [x, y]) device.free(s);
  return (lanes * rounds * constants.UNROLL * CHAINS * 4 * 2) / seconds;
}

/** The faster of a kernel and the adapter's own copy command. */
async function copyRate(device: Device): Promise<number> {
  const most = device.software ? 64 << 20 : 256 << 20;
  const bytes = Math.min(most, 2 ** Math.floor(Math.log2(device.limits.maxStorageBufferBindingSize)));
  const [x, y] = ['x', 'y'].map((name) => device.alloc(bytes, `peaks.${name}`));
  const { constants, workgroups } = passOver(device, bytes / 16);
  const seconds = [
    await secondsEach(device, () => device.dispatch(copy, { buffers: { x, y }, constants, workgroups })),
    await secondsEach(device, () => device.copy(x, y)),
  ];
  for (const s of [x, y]) device.free(s);
  return (2 * bytes) / Math.min(...seconds);
}

async function dispatchSeconds(device: Device): Promise<number> {
  const [x, y] = ['x', 'y'].map((name) => device.alloc(256, `peaks.${name}`));
  const launch = { buffers: { x, y }, params: { rounds: 0 }, workgroups: [1] as const };
  const constants = { LANES: 1, UNROLL: 1 };
  const seconds = await secondsEach(device, () => device.dispatch(multiplyAdd, { ...launch, constants }));
  for (const s of [x, y]) device.free(s);
  return seconds;
}

/** Waiting for a device costs up to a few milliseconds: what is timed takes at least this long. */
const LONG_ENOUGH = 0.06;

/** Seconds of one of many runs of `run`, the best of three measurements. */
async function secondsEach(device: Device, run: () => void): Promise<number> {
  const measure = async (times: number): Promise<number> => {
    await device.wait();
    const start = performance.now();
    for (let i = 0; i < times; i++) run();
    await device.wait();
    return (performance.now() - start) / 1000;
  };
  await measure(1); // compiles, and touches the memory
  let times = 1;
  for (let total = await measure(1); total < LONG_ENOUGH; total = await measure(times))
    times = Math.ceil(times * Math.min(64, Math.max(2, (1.2 * LONG_ENOUGH) / total)));
  const seconds = [];
  for (let i = 0; i < 3; i++) seconds.push((await measure(times)) / times);
  return Math.min(...seconds);
}
