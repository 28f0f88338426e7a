// The launchers that are here, by their own names: `mpirun` is one of them or another.
import { spawnSync } from 'node:child_process';

export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH';
  readonly command: string;
  /** More ranks than cores, which are bound to none. */
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const ALL: readonly Launcher[] = [
  {
    name: 'Open MPI',
    command: 'mpirun.openmpi',
    flags: ['--oversubscribe', '--bind-to', 'none'],
    env: { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' },
  },
  { name: 'MPICH', command: 'mpirun.mpich', flags: [], env: {} },
];

/** Those whose launcher starts two processes. */
export const LAUNCHERS = ALL.filter(
  ({ command, flags, env }) =>
    spawnSync(command, [...flags, '-n', '2', 'true'], {
      stdio: 'ignore',
      timeout: 20_000,
      env: { ...process.env, ...env },
    }).status === 0,
);
