// npm run bench:mpi [-- --ranks N,N,...] [--bytes N,N,...] [--repeat N] [--json]
// npm run bench:mpi -- model [--bytes N] [--rate IMAGES_PER_S] [--fixed_ms N] [--batch N,N,...] [--bus GB_PER_S] [--shared GB_PER_S]
// What a sum over ranks costs against bytes and ranks, under each MPI that is here, by what training adds with (src/ranks); model: what training on 1
// to 64 devices gives, by model.ts.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InputError, MachineError } from '../../src/base/errors';
import { launched } from '../../src/ranks/launcher';
import { openRanks } from '../../src/ranks/open';
import { count, median } from '../measure';
import { program } from '../program';
import { LAUNCHERS, type Launcher } from './launchers';
import { batchTable, roundTable, throughputTable } from './tables';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ranks: { type: 'string', default: '2,3,4' },
    bytes: { type: 'string' },
    repeat: { type: 'string', default: '9' },
    json: { type: 'boolean', default: false },
    rate: { type: 'string', default: '2000' },
    fixed_ms: { type: 'string', default: '5' },
    batch: { type: 'string', default: '35,128' },
    bus: { type: 'string', default: '20' },
    shared: { type: 'string', default: '2' },
    /** Of a rank: it measures, in place of starting others. */
    measure: { type: 'boolean', default: false },
  },
});

/** As most devices add. */
const NO_FLUSH = { inputs: false, results: false };

/** DenseNet-121's gradients with the GCN head, and less. */
const BYTES = '100000,1000000,7000000,28000000';

interface Found {
  readonly mpi: Launcher['name'];
  readonly ranks: number;
  readonly bytes: number;
  /** Of a sum, the median and the least. */
  readonly ms: number;
  readonly least_ms: number;
}

const counts = (option: string, text: string): number[] => text.split(',').map((n) => count(option, n));

function positive(option: string, text: string): number {
  const n = Number(text);
  if (!(n > 0 && n < Number.POSITIVE_INFINITY))
    throw new InputError(`--${option}: expected a number above 0, found ${text}`);
  return n;
}

/** A rank: adds, and rank 0 tells how long it took. */
async function measure(sizes: readonly number[], repeat: number): Promise<void> {
  const launch = launched();
  if (!launch) throw new InputError('--measure is for what a launcher starts');
  const ranks = await openRanks(launch);
  for (const bytes of sizes) {
    const length = bytes >> 2;
    const [sum, part] = [ranks.floats(length), ranks.floats(length).fill(ranks.rank + 1)];
    const times: number[] = [];
    // The first touches the memory.
    for (let i = 0; i <= repeat; i++) {
      await ranks.gather(new Uint8Array(0));
      const start = performance.now();
      await ranks.add(sum, part, { fresh: true, flush: NO_FLUSH });
      if (i > 0) times.push(performance.now() - start);
    }
    const wanted = (ranks.size * (ranks.size + 1)) / 2;
    if (sum.some((v) => v !== wanted)) throw new Error(`${bytes} bytes of ${ranks.size} ranks: the sum is wrong`);
    if (ranks.rank === 0)
      console.log(JSON.stringify({ ranks: ranks.size, bytes, ms: median(times), least_ms: Math.min(...times) }));
  }
  process.exitCode = await ranks.close(0);
}

/** What ranks under a launcher find. */
function under({ name, command, flags, env }: Launcher, ranks: number, bytes: string, repeat: string): Found[] {
  const line = [process.execPath, fileURLToPath(import.meta.url), '--measure', '--bytes', bytes, '--repeat', repeat];
  const { stdout, status } = spawnSync(command, [...flags, '-n', `${ranks}`, ...line], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new MachineError(`${command} -n ${ranks} ended with exit code ${status}`);
  return stdout
    .split(/\r?\n/)
    .filter((text) => text.startsWith('{'))
    .map((text) => ({ mpi: name, ...(JSON.parse(text) as Omit<Found, 'mpi'>) }));
}

function model(): void {
  const [bytes, ...more] = counts('bytes', values.bytes ?? '28000000');
  if (more.length > 0) throw new InputError(`--bytes: model expects one number, found ${values.bytes}`);
  const work = {
    bytes,
    rate: positive('rate', values.rate),
    fixed: positive('fixed_ms', values.fixed_ms) / 1000,
  };
  const place = {
    bus: positive('bus', values.bus) * 1e9,
    shared: positive('shared', values.shared) * 1e9,
    copy: 18e9,
    add: 1.9e9,
    latency: 50e-6,
  };
  const tables = [
    roundTable(work, place),
    ...counts('batch', values.batch).map((batch) => throughputTable(work, batch, place)),
    batchTable(work, place),
  ];
  console.log(tables.map((lines) => lines.join('\n')).join('\n\n'));
}

program(async () => {
  if (positionals.length > 0 && positionals.join() !== 'model')
    throw new InputError(`expected model or nothing, found ${positionals.join(' ')}`);
  if (positionals.length > 0) return model();
  const bytes = values.bytes ?? BYTES;
  const sizes = counts('bytes', bytes);
  const repeat = count('repeat', values.repeat);
  const wanted = counts('ranks', values.ranks);
  if (values.measure) return measure(sizes, repeat);
  if (LAUNCHERS.length === 0)
    throw new MachineError('expected mpirun.openmpi or mpirun.mpich, found neither: apt-get install openmpi-bin mpich');
  if (!values.json)
    console.log('| MPI | ranks | MB | ms, median | least | GB/s a rank |\n| --- | --- | --- | --- | --- | --- |');
  for (const launcher of LAUNCHERS)
    for (const ranks of wanted)
      for (const found of under(launcher, ranks, bytes, values.repeat))
        console.log(values.json ? JSON.stringify(found) : row(found));
});

/** What a rank sends in a sum are two times all slices but its own. */
function row({ mpi, ranks, bytes, ms, least_ms }: Found): string {
  const sent = (2 * bytes * (ranks - 1)) / ranks;
  const cells = [mpi, ranks, bytes / 1e6, ms.toFixed(1), least_ms.toFixed(1), (sent / ms / 1e6).toFixed(2)];
  return `| ${cells.join(' | ')} |`;
}
