// What is said of the MPI of a machine, by launchers and loaders that the test makes.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { installedMpi } from '../../src/ranks/installed';
import { under } from '../mpi/runs';

const test = suite('installed');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-installed-'));
test.after(() => rmSync(dir, { recursive: true }));

/** Lines on a machine whose PATH has these programs alone, which say this; `options`: Node's, of what loads libraries. */
async function lines(programs: Readonly<Record<string, string>>, options = ''): Promise<string[]> {
  const folder = join(dir, String(Math.random()));
  mkdirSync(folder);
  for (const [name, said] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${said}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  const before = { PATH: process.env.PATH, NODE_OPTIONS: process.env.NODE_OPTIONS ?? '' };
  Object.assign(process.env, { PATH: folder, NODE_OPTIONS: options });
  try {
    return await installedMpi();
  } finally {
    Object.assign(process.env, before);
  }
}

/** With it the process that loads libraries ends before it does. */
const NO_LIBRARY = '--require=/is/not/there';

test('launchers by the line that says what they are; one that fails is none', async () => {
  const launchers = {
    mpirun: "echo; echo 'mpirun (Open MPI) 4.1.4'; echo; echo 'Report bugs to ...'",
    'mpirun.mpich': "echo 'HYDRA build details:'; echo '    Version:      4.0.2'; echo '    CC: gcc'",
    'mpirun.openmpi': 'echo no; exit 1',
    srun: "echo 'slurm 22.05.8'",
  };
  const said = await lines(launchers, NO_LIBRARY);
  assert.equal(
    said.filter((line) => /^(mpirun|srun|no )/.test(line)),
    ['mpirun          mpirun (Open MPI) 4.1.4', 'mpirun.mpich    MPICH 4.0.2', 'srun            slurm 22.05.8'],
  );
});

test('a machine without MPI: no launcher, and no library', async () => {
  const said = await lines({}, NO_LIBRARY);
  assert.match(said[0], /^koffi {11}(\d+\.\d+\.\d+|not installed: npm install koffi)/);
  if (!said[0].includes('not installed')) assert.is(said[1], 'library         none that the loader finds');
  assert.is(said.at(-1), 'no mpirun');
  assert.is(said.filter((line) => line === 'no mpirun').length, 1);
});

let here: Promise<string[]> | undefined;

under(test, 'its library by name and version, once', async ({ name }) => {
  here ??= lines({});
  const own = (await here).filter((line) => line.startsWith('library ') && line.includes(name));
  assert.is(own.length, 1, (await here).join('\n'));
  assert.match(own[0], /^library {9}\S+: (Open MPI v|MPICH )\d[\w.]*$/);
});

test.run();
