// What a step launches: told by a dry run of one, so computed by nobody.
import { InputError } from '../src/base/errors';
import type { Device, LaunchWork } from '../src/device';
import { NETWORKS } from '../src/models';
import { opOf } from '../src/train/profile/profile_table';
import { count } from './measure';
import { prepareStep, type StepWork, step } from './steps';

export type Precision = 'f32' | 'f16';

/** What one steady step launches (the first one also moves parameters side by side). Computes nothing. */
export function launchesOfStep(device: Device, work: StepWork, precision: Precision): LaunchWork[] {
  let launches: LaunchWork[] = [];
  device.dryRun(() => {
    const { record } = prepareStep(device, work, precision);
    record();
    launches = device.launchesOf(record);
  });
  return launches;
}

/** Launches of one op together. */
export interface OpLaunches {
  readonly op: string;
  readonly launches: number;
  readonly bytes: number;
  readonly flop: number;
}

/** By op, those of most launches first. */
export function byOp(launches: readonly LaunchWork[]): OpLaunches[] {
  const ops = new Map<string, OpLaunches>();
  for (const { label, bytes, flop } of launches) {
    const op = opOf(label);
    const known = ops.get(op) ?? { op, launches: 0, bytes: 0, flop: 0 };
    ops.set(op, { op, launches: known.launches + 1, bytes: known.bytes + bytes, flop: known.flop + flop });
  }
  return [...ops.values()].sort((a, b) => b.launches - a.launches);
}

/** All of them together. */
export const totalOf = (launches: readonly LaunchWork[]): OpLaunches => ({
  op: 'all',
  launches: launches.length,
  bytes: launches.reduce((sum, l) => sum + l.bytes, 0),
  flop: launches.reduce((sum, l) => sum + l.flop, 0),
});

/** What the targets and the first minutes on a GPU are about. */
const STEPS = [
  step('densenet', 112, 8),
  step('densenet', 227, 35),
  step('bregnext', 64, 16),
  step('mobilenet', 112, 8),
] as const;

/** Options that choose a step. */
export interface Chosen {
  readonly network?: string;
  readonly image_size?: string;
  readonly batch_size?: string;
}

/** The step that is asked for, or the usual ones where none is. @throws InputError */
export function chosenSteps({ network, image_size, batch_size }: Chosen): readonly StepWork[] {
  if (network === undefined && image_size === undefined && batch_size === undefined) return STEPS;
  const name = network ?? 'densenet';
  const known = NETWORKS.find((n) => n === name);
  if (!known) throw new InputError(`--network expects ${NETWORKS.join(', ')}, found ${name}`);
  return [step(known, count('image_size', image_size ?? '112'), count('batch_size', batch_size ?? '8'))];
}

const cells = (of: readonly string[]): string => of.map((c, i) => (i === 0 ? c.padEnd(32) : c.padStart(10))).join('');

/** The lines of a table by op, with their sum. */
export function launchTable(launches: readonly LaunchWork[]): string[] {
  const line = ({ op, launches: n, bytes, flop }: OpLaunches): string =>
    cells([op, String(n), (bytes / 1e6).toFixed(1), flop ? (flop / 1e9).toFixed(2) : '']);
  return [cells(['op', 'launches', 'MB', 'GFLOP']), ...byOp(launches).map(line), line(totalOf(launches))];
}
