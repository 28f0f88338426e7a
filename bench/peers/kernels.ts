import type { Device } from '../../src/device';
import { Operands, type Work } from '../works';
import { checkSame, inTurn } from './compare';
import { type Lanes, PEERS } from './lanes';
import type { Report } from './report';

/** Convolutions, products and normalisations in the two engines that run on WebGPU. */
export async function compareKernels(
  device: Device,
  works: readonly Work[],
  lanes: Lanes,
  report: Report,
  deadline: number,
): Promise<void> {
  for (const work of works) {
    const operands = new Operands(device);
    const { run, results } = work.prepare(operands);
    const ours = async (times: number): Promise<number> => {
      const start = performance.now();
      for (let i = 0; i < times; i++) run();
      await device.wait();
      return performance.now() - start;
    };
    await ours(1);
    for (const name of [PEERS.tfjs, PEERS.jaxjs]) {
      try {
        if (performance.now() > deadline) throw new Error('the time of this run is over');
        const peer = lanes.get(name);
        await peer.prepare(work.task ?? {});
        const pair = await inTurn(ours, peer, { rounds: 1, ms: 200 });
        await checkSame(results, peer);
        report.add({ work: work.name, unit: 'ms', peer: name, ...pair });
      } catch (error) {
        report.skip(work.name, name, (error as Error).message);
      }
    }
    operands.free();
  }
}
