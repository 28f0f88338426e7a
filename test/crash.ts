// npm run test:crash -- --kills N --seed S [--network bregnext|densenet] [--workers N] [more flags of train]
// Kills a training on drawn faces N times, at random moments, and compares what it comes to with one that was left alone.
// Closes with `N kills, N resumes, N equal, 0 torn`; exit 1 if any differs or is torn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crash } from './crash/crash';

const USAGE =
  'npm run test:crash -- --kills N --seed S [--network bregnext|densenet] [--workers N] [more flags of train]';

/** Flags of a training that is small enough to be begun twenty times. */
const SMALL: Record<string, Record<string, string>> = {
  bregnext: { image_size: '16', batch_size: '4', epochs: '3', save_every: '2' },
  densenet: { model: 'single_task', image_size: '32', batch_size: '4', epochs: '2', save_every: '1' },
};
/** Training faces: seven steps an epoch, or four. */
const FACES: Record<string, number> = { bregnext: 28, densenet: 14 };

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
const network = flags.get('network') ?? 'bregnext';
const settings = {
  emb: 'random',
  cache: 'off',
  workers: '2',
  network,
  ...SMALL[network],
  ...Object.fromEntries(flags),
};
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-crash-'));
const found = await crash({
  kills,
  seed,
  flags: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
  faces: FACES[network] ?? 28,
  dir,
  say: (line) => console.log(line),
}).catch((error: Error) => {
  console.log(`${error.message}\nwhat there is of it is in ${dir}`);
  process.exit(1);
});
const good = found.equal === found.kills && found.torn === 0;
if (good) rmSync(dir, { recursive: true });
else console.log(`what differs is in ${dir}`);
console.log(`${found.kills} kills, ${found.resumes} resumes, ${found.equal} equal, ${found.torn} torn`);
process.exitCode = good ? 0 : 1;
