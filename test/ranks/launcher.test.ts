// What is read off a launcher's variables.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { launched } from '../../src/ranks/launcher';

test('no launcher, or one that has started a single process: alone', () => {
  assert.is(launched({ HOME: '/', SLURM_PROCID: '0', SLURM_NTASKS: '4' }), null);
  assert.is(launched({ OMPI_COMM_WORLD_RANK: '0', OMPI_COMM_WORLD_SIZE: '1' }), null);
  assert.is(launched({ PMI_RANK: '0', PMI_SIZE: '1' }), null);
  assert.is(launched({ PMIX_RANK: '0' }), null);
  for (const [rank, size] of [
    ['0', ''],
    ['', '4'],
    ['one', '4'],
    ['0', 'four'],
    ['-1', '4'],
    ['0', '0'],
  ])
    assert.is(launched({ PMI_RANK: rank, PMI_SIZE: size }), null, `${rank} of ${size}`);
});

test("Open MPI's variables, MPICH's, and Slurm's", () => {
  const openmpi = { OMPI_COMM_WORLD_RANK: '2', OMPI_COMM_WORLD_SIZE: '4' };
  const local = { OMPI_COMM_WORLD_LOCAL_RANK: '0', OMPI_COMM_WORLD_LOCAL_SIZE: '2' };
  const job = { rank: 2, size: 4 };
  assert.equal(launched({ ...openmpi, ...local, PMIX_RANK: '2' }), {
    ...{ kind: 'openmpi', by: "Open MPI's mpirun", ...job },
    local: { rank: 0, size: 2 },
  });
  assert.equal(launched({ PMI_RANK: '2', PMI_SIZE: '4', MPI_LOCALRANKID: '1', MPI_LOCALNRANKS: '2' }), {
    ...{ kind: 'mpich', by: "MPICH's mpirun", ...job },
    local: { rank: 1, size: 2 },
  });
  const slurm = { SLURM_STEP_ID: '0', SLURM_STEP_NUM_TASKS: '4' };
  assert.equal(launched({ ...slurm, PMI_RANK: '2', PMI_SIZE: '4' }), {
    kind: 'mpich',
    by: 'srun',
    ...job,
    local: null,
  });
  assert.equal(launched({ ...slurm, PMIX_RANK: '2' }), { kind: 'openmpi', by: 'srun', ...job, local: null });
  const two = launched({ PMI_RANK: '1', PMI_SIZE: '2', MPI_LOCALRANKID: '1' });
  assert.equal([two?.rank, two?.size, two?.local], [1, 2, null]);
  // An mpirun inside of Slurm's step.
  assert.is(launched({ ...slurm, ...openmpi })?.by, "Open MPI's mpirun");
});

test.run();
