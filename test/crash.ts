// npm run test:crash -- --kills N --seed S [--network bregnext|densenet] [--layout csv|npy] [--ranks N] [--in_turn on] [more flags of train]
// Kills a training on drawn faces N times, at random moments, and compares what it comes to with one that was left alone. --layout npy: the faces
// are prepared in a cache that is cold as a run begins; --ranks: one of them or their launcher is killed; --in_turn on: N times each with
// --save_every 1, --precision f16, --ema and --grad_accum_steps. --of commands: in place of a training, N times each of synth, prepare, export and predict.
// Closes, after each of these, with `N kills, N resumes, N equal, 0 torn`; exit 1 if any differs or is torn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crashCommands } from './crash/commands';
import { type CrashResult, crash } from './crash/crash';

const USAGE =
  'npm run test:crash -- --kills N --seed S [--network bregnext|densenet] [--layout csv|npy] [--ranks N] [--in_turn on] [more flags of train], or --of commands';

/** Flags of a training that is small enough to be begun twenty times. */
const SMALL: Record<string, Record<string, string>> = {
  bregnext: { image_size: '16', batch_size: '4', epochs: '3', save_every: '2' },
  densenet: { model: 'single_task', image_size: '32', batch_size: '4', epochs: '2', save_every: '1' },
};
/** Training faces: seven steps an epoch, or four. */
const FACES: Record<string, number> = { bregnext: 28, densenet: 14 };
/** What --in_turn tries, one after the other. */
const IN_TURN: readonly Record<string, string>[] = [
  { save_every: '1' },
  { precision: 'f16' },
  { ema: '0.9' },
  { grad_accum_steps: '2' },
];

const flags = new Map<string, string>();
const args = process.argv.slice(2);
while (args.length > 0) {
  const [flag, value] = args.splice(0, 2);
  if (!flag.startsWith('--') || value === undefined) {
    console.error(`expected flags with their values, found ${flag}; ${USAGE}`);
    process.exit(2);
  }
  flags.set(flag.slice(2).replaceAll('-', '_'), value);
}
const take = (name: string, preset: number): number => {
  const number = Number(flags.get(name) ?? preset);
  flags.delete(name);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  console.error(`--${name} expects a whole number; ${USAGE}`);
  process.exit(2);
};
const [kills, seed] = [take('kills', 20), take('seed', 0)];
const ranks = take('ranks', 1);
const oneOf = <T extends string>(name: string, ...values: readonly T[]): T => {
  const value = (flags.get(name) ?? values[0]) as T;
  flags.delete(name);
  if (values.includes(value)) return value;
  console.error(`--${name} expects ${values.join(' or ')}; ${USAGE}`);
  process.exit(2);
};
const layout = oneOf('layout', 'csv', 'npy');
const of = oneOf('of', 'train', 'commands');
const turns = oneOf('in_turn', 'off', 'on') === 'on' ? IN_TURN : [{}];
const network = flags.get('network') ?? 'bregnext';
const say = (line: string): void => console.log(line);

/** Kills trainings with some settings. */
const training =
  (turn: Readonly<Record<string, string>>) =>
  (dir: string): Promise<CrashResult> => {
    const settings = { emb: 'random', workers: '2', network, ...SMALL[network], ...Object.fromEntries(flags), ...turn };
    say(JSON.stringify(settings));
    const faces = FACES[network] ?? 28;
    return crash({
      kills,
      seed,
      flags: Object.entries(settings).flatMap(([k, v]) => [`--${k}`, v]),
      faces,
      dir,
      say,
      layout,
      ranks,
    });
  };
const commands = (dir: string): Promise<CrashResult> => crashCommands({ kills, seed, dir, say });

const found = { kills: 0, resumes: 0, equal: 0, torn: 0 };
for (const work of of === 'commands' ? [commands] : turns.map(training)) {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-crash-'));
  const one = await work(dir).catch((error: Error) => {
    say(`${error.message}\nwhat there is of it is in ${dir}`);
    process.exit(1);
  });
  if (one.equal === one.kills && one.torn === 0) rmSync(dir, { recursive: true });
  else say(`what differs is in ${dir}`);
  for (const name of Object.keys(found) as (keyof CrashResult)[]) found[name] += one[name];
  say(`${found.kills} kills, ${found.resumes} resumes, ${found.equal} equal, ${found.torn} torn`);
}
process.exitCode = found.equal === found.kills && found.torn === 0 ? 0 : 1;
