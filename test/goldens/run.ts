// One golden file from bytes to verdict, and the line that reports it.
import type { Device } from '../../src/device';
import { runCase } from './case';
import { type Check, failure, passes } from './compare';
import { Fixture } from './fixture';
import { checkGradCam } from './grad_cam';
import { checkHalf, concernsHalf } from './half';
import { IMAGES } from './images';
import { checkModel } from './models';
import { moduleOf } from './modules';
import { OPS } from './ops';
import { checkOptimizer, isOptimizer } from './optimizer';
import { compareResults } from './results';
import { checkTrajectory } from './trajectories';

export interface Setting {
  device: Device;
  /** Trains as `real_faces` files say, where their photographs are at hand. */
  realFaces?: (device: Device, fixture: Fixture) => Promise<Check[]>;
  /** How activations are stored; as f16 ops and modules alone are compared, those that store any. */
  precision?: 'f32' | 'f16';
}

export interface Verdict {
  name: string;
  checks: Check[];
}

/** Fixtures that other tests use. */
const OTHERS_BUSINESS = new Set([undefined, 'adjacency', 'checkpoint', 'glove', 'preprocess', 'tiny']);

/** Whether a fixture is compared at all: all are but those of other tests, and photographs without their folder. */
export const concerns = (op: string | undefined, { realFaces }: Setting): boolean =>
  op === 'real_faces' ? realFaces !== undefined : !OTHERS_BUSINESS.has(op);

/**
 * Runs what the fixture describes and compares all that it holds. What cannot be run, and what nothing has looked at,
 * is a failed check.
 */
export async function judge(fixture: Fixture, setting: Setting): Promise<Verdict> {
  const { name } = fixture;
  try {
    if (setting.precision === 'f16') return { name, checks: await checkHalf(setting.device, fixture) };
    const checks = await compare(fixture, setting);
    for (const tensor of fixture.unseen()) checks.push(failure(tensor, 'stored, but nothing here compares it'));
    if (checks.length === 0) checks.push(failure('-', 'holds nothing to compare'));
    return { name, checks };
  } catch (error) {
    await setting.device.wait().catch(() => {}); // what else the driver has to say belongs to this file
    return { name, checks: [failure('-', error instanceof Error ? error.message : String(error))] };
  }
}

/** As `judge`, from a file's bytes; null where the file is none of this comparison's business. */
export async function judgeBytes(name: string, bytes: Uint8Array, setting: Setting): Promise<Verdict | null> {
  let fixture: Fixture;
  try {
    fixture = Fixture.parse(name, bytes);
  } catch (error) {
    return { name, checks: [failure('-', error instanceof Error ? error.message : String(error))] };
  }
  const concerned = setting.precision === 'f16' ? concernsHalf(fixture) : concerns(fixture.meta.op, setting);
  return concerned ? judge(fixture, setting) : null;
}

async function compare(fixture: Fixture, { device, realFaces }: Setting): Promise<Check[]> {
  const { op } = fixture;
  if (Object.hasOwn(OPS, op)) return compareResults(fixture, await runCase(device, fixture, OPS[op]));
  if (Object.hasOwn(IMAGES, op)) return compareResults(fixture, await IMAGES[op](device, fixture));
  if (isOptimizer(op)) return checkOptimizer(device, fixture);
  if (op === 'module')
    return compareResults(fixture, await runCase(device, fixture, moduleOf(fixture.meta.case ?? '')));
  if (op === 'model') return checkModel(device, fixture);
  if (op === 'grad_cam') return checkGradCam(device, fixture);
  if (op === 'trajectory') return checkTrajectory(device, fixture);
  if (op === 'real_faces' && realFaces) return realFaces(device, fixture);
  throw new Error(`unknown op "${op}"`);
}

export const passed = (v: Verdict): boolean => v.checks.every(passes);

const worst = (checks: Check[]): Check =>
  checks.reduce((a, b) =>
    (b.problem ? Number.POSITIVE_INFINITY : b.fraction) > a.fraction || (b.problem && !a.problem) ? b : a,
  );

/** A message as a part of one line. */
const short = (text: string): string => text.replace(/\s+/g, ' ').trim().slice(0, 200);

const figure = (v: number): string => (Number.isNaN(v) ? '-' : v === 0 ? '0' : v.toExponential(1));

/** Name, worst tensor, its max abs and relative L2 error, the ratio to PyTorch's own, verdict. */
export function line(v: Verdict): string {
  const c = worst(v.checks);
  const ratio = c.own > 0 && !Number.isNaN(c.relL2) ? (c.relL2 / c.own).toFixed(2) : '-';
  const verdict = passed(v)
    ? 'passed'
    : `FAILED${c.problem ? `: ${short(c.problem)}` : ` at ${c.fraction.toFixed(2)} x its limit`}`;
  return [
    v.name.padEnd(50),
    c.tensor.padEnd(28),
    figure(c.maxAbs).padStart(8),
    figure(c.relL2).padStart(8),
    ratio.padStart(7),
    verdict,
  ].join(' ');
}
