// What a launcher of MPI tells the processes that it starts, in their environment.

/** The kinds of MPI that there are: what one starts, a library of the other does not know. */
export type MpiKind = 'openmpi' | 'mpich';

export interface Launched {
  /** Whose library is wanted. */
  readonly kind: MpiKind;
  /** How its launcher is called. */
  readonly by: string;
  readonly rank: number;
  readonly size: number;
  /** Whether all ranks are on this host, and its place among those that are; null: not told. */
  readonly local: { readonly rank: number; readonly size: number } | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether this process is one of several that were started together, by the variables of Open MPI's mpirun, of the PMI of MPICH's (and of
 * what goes back to it: Intel MPI, MVAPICH, Slurm's pmi2), and of Slurm's PMIx. To be asked before any MPI library is loaded: they write such variables themselves.
 * @returns null: alone
 */
export function launched(env: Environment = process.env): Launched | null {
  const { SLURM_STEP_ID, SLURM_STEP_NUM_TASKS, PMIX_RANK } = env;
  const hasOpenMpi = env.OMPI_COMM_WORLD_SIZE !== undefined;
  const hasPmi = env.PMI_SIZE !== undefined;
  const by = SLURM_STEP_ID !== undefined && !hasOpenMpi ? 'srun' : hasPmi ? "MPICH's mpirun" : "Open MPI's mpirun";
  if (hasOpenMpi) {
    const local = place(env.OMPI_COMM_WORLD_LOCAL_RANK, env.OMPI_COMM_WORLD_LOCAL_SIZE);
    return several({ kind: 'openmpi', by, local }, env.OMPI_COMM_WORLD_RANK, env.OMPI_COMM_WORLD_SIZE);
  }
  if (hasPmi) {
    const local = place(env.MPI_LOCALRANKID, env.MPI_LOCALNRANKS);
    return several({ kind: 'mpich', by, local }, env.PMI_RANK, env.PMI_SIZE);
  }
  if (PMIX_RANK !== undefined) return several({ kind: 'openmpi', by, local: null }, PMIX_RANK, SLURM_STEP_NUM_TASKS);
  return null;
}

function several(how: Pick<Launched, 'kind' | 'by' | 'local'>, rank?: string, size?: string): Launched | null {
  const own = place(rank, size);
  return own && own.size > 1 ? { ...how, ...own } : null;
}

function place(rank?: string, size?: string): Launched['local'] {
  const whole = /^\d+$/;
  return whole.test(rank ?? '') && whole.test(size ?? '') ? { rank: Number(rank), size: Number(size) } : null;
}
