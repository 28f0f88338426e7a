// The tiles that the tuner finds for a training step, and the step with them and without.
import { parseArgs } from 'node:util';
import { openDevice } from '../../src/device/node';
import { tune, worksOf } from '../../src/kernels/gemm/tuner';
import { useTiles } from '../../src/kernels/variant';
import { count, summary } from '../measure';
import { program } from '../program';
import { prepareStep } from '../steps';
import { withoutF16 } from './f16';
import { SIZE_OPTIONS, sizeOf } from './sizes';

const STEPS = 5;
/** The share of the time that measuring tiles takes. */
const TUNING = 0.6;

program(async () => {
  const { values } = parseArgs({ options: SIZE_OPTIONS });
  const size = sizeOf(values);
  const work = `step emotion_gcn ${size.network} ${size.size} b${size.batch}`;
  const seconds = count('seconds', values.seconds) / 2;
  for (const precision of ['f32', 'f16'] as const) {
    const device = await openDevice({ gpu: values.gpu });
    const without = precision === 'f16' ? withoutF16(device) : null;
    if (without !== null) {
      console.log(JSON.stringify({ work, precision, left_out: without }));
      device.destroy();
      continue;
    }
    const step = prepareStep(device, { name: work, ...size, training: true }, precision);
    const time = async (): Promise<number> => {
      await step.run();
      const times: number[] = [];
      for (let i = 0; i < STEPS; i++) {
        const start = performance.now();
        await step.run();
        times.push(performance.now() - start);
      }
      return summary(times).median;
    };
    const works = worksOf(device, step.bytes);
    const before = await time();
    const { table, better } = await tune(device, works, { seconds: Math.max(1, TUNING * seconds) });
    useTiles(device, table);
    const after = await time();
    device.destroy();
    console.log(
      JSON.stringify({
        ...{ work, precision, classes: works.length, measured: Object.keys(table).length, better },
        ...{ by_rule_ms: before, tuned_ms: after, ratio: before / after, tiles: table },
      }),
    );
  }
});
