import { readAll } from '../../../src/autograd';
import type { Device } from '../../../src/device';
import { choose } from '../../../src/kernels/variant';
import { median, timeInTurn } from '../../measure';
import { Operands } from '../../works';
import type { Report } from '../report';
import type { Contest } from './index';

const ROUNDS = 9;

/** Our kernels and the dense ones of the same shape in turn, by the GPU's clock; the best tile counts. */
export async function contend(device: Device, contests: readonly Contest[], report: Report): Promise<void> {
  for (const contest of contests) {
    const { work } = contest;
    if (choose(device).variant !== 'subgroup') {
      report.skip(work.name, 'dense kernel', 'it needs an adapter with subgroups of one known size');
      continue;
    }
    const operands = new Operands(device);
    const ours = work.prepare(operands);
    const rivals = contest.prepare(operands);
    const [mine, ...others] = await timeInTurn(device, [ours.run, ...rivals.map((r) => r.run)], ROUNDS);
    const times = others.map(median);
    const best = times.indexOf(Math.min(...times));
    const [a, b] = await readAll([ours.results[0], rivals[best].result]);
    operands.free();
    const most = a.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    // Sums of 1,024 terms in other orders.
    if (!a.every((v, i) => Math.abs(v - b[i]) <= 1e-3 * most))
      throw new Error(`${work.name}: the dense kernel's result differs`);
    const peer = `dense kernel ${rivals[best].tile}`;
    report.add({ work: work.name, unit: 'ms', ours: median(mine), peer, theirs: times[best] });
  }
}
