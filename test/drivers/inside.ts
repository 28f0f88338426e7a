// What is done in a process that has one driver: see what it is, and compare goldens.
import { readdirSync, readFileSync } from 'node:fs';
import { selfCheck } from '../../src/cli/self_check';
import { openDevice } from '../../src/device/node';
import { forceVariant, variantsOf } from '../../src/kernels/variant';
import { judgeBytes, line, passed } from '../goldens/run';

/** What a driver says of itself, and whether doctor's check finds its results right. */
export interface Look {
  readonly driver: string;
  readonly variants: readonly string[];
  readonly lanes: number | null;
  readonly half: boolean;
  readonly invocations: number;
  /** What the check found wrong. */
  readonly wrong: readonly string[];
}

/** Prints a `Look` as the last line. */
export async function look(): Promise<number> {
  const device = await openDevice();
  const { description, subgroupMaxSize } = device.info as GPUAdapterInfo & { subgroupMaxSize?: number };
  const checks = await selfCheck(device);
  const seen: Look = {
    driver: description,
    variants: variantsOf(device),
    lanes: device.features.has('subgroups') ? (subgroupMaxSize ?? null) : null,
    half: device.features.has('shader-f16'),
    invocations: device.limits.maxComputeInvocationsPerWorkgroup,
    wrong: checks.filter(({ error }) => error !== 0).map(({ name, error }) => `${name.trim()} off by ${error}`),
  };
  console.log(JSON.stringify(seen));
  device.destroy();
  return 0;
}

/** Compares the goldens of ops and modules with one variant: a line for each that fails, then `N passed, N failed`. */
export async function goldens(variant: string): Promise<number> {
  const device = await openDevice();
  forceVariant(device, variant);
  const precisions = device.features.has('shader-f16') ? (['f32', 'f16'] as const) : (['f32'] as const);
  let [good, bad] = [0, 0];
  for (const folder of ['ops', 'extra', 'modules'])
    for (const file of readdirSync(`test/golden/${folder}`))
      for (const precision of precisions) {
        const bytes = readFileSync(`test/golden/${folder}/${file}`);
        const verdict = await judgeBytes(`${folder}/${file} ${precision}`, bytes, { device, precision });
        if (!verdict) continue;
        if (passed(verdict)) good++;
        else {
          bad++;
          console.log(line(verdict));
        }
      }
  console.log(`${good} passed, ${bad} failed`);
  device.destroy();
  return bad > 0 ? 1 : 0;
}
