// What is said where MPI cannot be used, with what to do.
import type { Launched, MpiKind } from './launcher';

/** What installs a kind of MPI. */
const INSTALL: readonly (readonly [system: string, Readonly<Record<MpiKind, string>>])[] = [
  ['Debian, Ubuntu', { openmpi: 'sudo apt-get install -y openmpi-bin', mpich: 'sudo apt-get install -y mpich' }],
  [
    'Fedora, RHEL',
    {
      openmpi: 'sudo dnf install -y openmpi && module load mpi/openmpi-x86_64',
      mpich: 'sudo dnf install -y mpich && module load mpi/mpich-x86_64',
    },
  ],
  [
    'openSUSE',
    {
      openmpi: 'sudo zypper install openmpi4 && module load gnu-openmpi',
      mpich: 'sudo zypper install mpich && module load gnu-mpich',
    },
  ],
  ['Arch', { openmpi: 'sudo pacman -S --needed openmpi', mpich: 'sudo pacman -S --needed mpich' }],
  ['macOS', { openmpi: 'brew install open-mpi', mpich: 'brew install mpich' }],
];

const TITLE: Readonly<Record<MpiKind, string>> = { openmpi: 'Open MPI', mpich: 'MPICH' };

const started = ({ by, rank, size }: Launched): string => `started by ${by} (rank ${rank} of ${size})`;

/** @param tried a line for each library */
export const notLoaded = (launch: Launched, tried: string): string =>
  [
    `${started(launch)}, but no library of ${TITLE[launch.kind]} can be loaded:`,
    ...tried.split('\n').map((line) => `  ${line}`),
    'Install it, or name it by EMOTION_GCN_MPI=/path/to/libmpi.so:',
    ...installLines(launch.kind),
  ].join('\n');

/** How each system installs a kind of MPI. */
export const installLines = (kind: MpiKind): string[] =>
  INSTALL.map(([system, commands]) => `  ${`${system}:`.padEnd(18)}${commands[kind]}`);

export const noKoffi = (launch: Launched, reason: string): string =>
  [
    `${started(launch)}, but the npm package koffi, by which MPI is called, does not load: ${reason}`,
    'It is an optional dependency, left out by npm install --omit=optional. Install it where emotion-gcn is:',
    '  npm install koffi',
  ].join('\n');

export const otherKind = ({ by, size }: Launched, found: string, ranks: number): string =>
  `${by} started ${size} ranks, but ${found} sees ${ranks}: the launcher and the library are not of one kind. ` +
  'Start it by the mpirun of that library (mpirun.openmpi, mpirun.mpich), or name the library of that mpirun by EMOTION_GCN_MPI';

export const notPassedOn = (launch: Launched): string =>
  `${started(launch)}, whose socket does not reach this program: npx, and Node in general, do not pass it on. ` +
  'Start the program itself: mpirun ... node_modules/.bin/emotion-gcn ..., or node dist/cli.js ...';

/** @param missing what is known of those who keep the others waiting */
export const notJoined = ({ size }: Launched, seconds: number, missing: readonly string[]): string =>
  `not all of ${size} ranks have joined within ${seconds} s: ${missing.length > 0 ? missing.join(', ') : 'one is dead, stopped or late'}; all ranks end`;
