// What this machine has of MPI, for people to see: nothing of it is loaded into this process.
import { createRequire } from 'node:module';
import { exec } from '../device/node/exec';
import { NAMES } from './library';

/** Loads the first of some libraries that there is, and prints its name and what it says of itself. */
const PROBE = `const [koffi, ...names] = process.argv.slice(1);
for (const name of names) try {
  const text = Buffer.alloc(8192);
  require(koffi).load(name).func('int MPI_Get_library_version(void *, void *)')(text, new Int32Array(1));
  console.log(name + ': ' + text.toString('latin1', 0, text.indexOf(0)).trim().split(/[,\\n]/)[0].replace(/\\s+/g, ' ').replace(' Version:', ''));
  break;
} catch {}`;

/** A line for each of: koffi, the libraries, the launchers. */
export async function installedMpi(): Promise<string[]> {
  const launchers = ['mpirun', 'mpirun.openmpi', 'mpirun.mpich', 'srun'].map(async (name) => {
    const said = await exec(name, ['--version'], { seconds: 10 }).catch(() => null);
    return said === null ? [] : [`${name.padEnd(16)}${title(said)}`];
  });
  const lines = (await Promise.all(launchers)).flat();
  return [...(await libraries()), ...(lines.length > 0 ? lines : ['no mpirun'])];
}

async function libraries(): Promise<string[]> {
  let koffi: string;
  try {
    koffi = createRequire(import.meta.url).resolve('koffi');
  } catch {
    return ['koffi           not installed: npm install koffi'];
  }
  const { version } = createRequire(koffi)('./package.json') as { version: string };
  const found = await Promise.all(
    Object.values(NAMES).map(async (names) => {
      const said = await exec(process.execPath, ['-e', PROBE, koffi, ...names], { seconds: 20 }).catch(() => '');
      return said.trim();
    }),
  );
  const there = [...new Set(found.filter((line) => line !== ''))];
  return [
    `koffi           ${version}`,
    ...(there.length > 0
      ? there.map((line) => `library         ${line}`)
      : ['library         none that the loader finds']),
  ];
}

/** `mpirun (Open MPI) 4.1.4`, `HYDRA build details: Version: 4.0.2`. */
const title = (said: string): string => {
  const [first, second = ''] = said.trim().split('\n');
  return /HYDRA/.test(first) ? `MPICH ${second.replace(/.*Version:\s*/, '')}` : first;
};
