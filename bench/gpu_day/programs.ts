import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// What the day runs, each in a process of its own: one bundle holds all, so that a bare machine needs no other file.
const PROGRAMS = {
  goldens: () => import('../../test/goldens'),
  bench: () => import('../bench'),
  startup: () => import('../startup'),
  facts: () => import('./facts'),
  step: () => import('./step'),
  tuner: () => import('./tuner'),
  torch: () => import('./torch'),
  feed: () => import('./feed'),
  flat: () => import('./flat'),
  lost: () => import('./lost'),
} as const;

export type Program = keyof typeof PROGRAMS;

export const isProgram = (name: string): name is Program => Object.hasOwn(PROGRAMS, name);

/** Runs one as if it had been started with these arguments. It ends when whoever started it is gone. */
export async function runProgram(name: Program, args: readonly string[]): Promise<void> {
  process.stdin.on('end', () => process.exit(1)).resume();
  (process.stdin as { unref?(): void }).unref?.();
  process.argv = [...process.argv.slice(0, 2), ...args];
  await PROGRAMS[name]();
}

/** The command line of one, of this very bundle. */
export const commandOf = (name: Program, args: readonly string[]): string[] => [
  ...[process.execPath, ...process.execArgv, process.argv[1], '--program', name],
  ...args,
];

/** Where commands run: the folder of package.json, in the repository and unpacked. */
export const ROOT = rootOf(fileURLToPath(import.meta.url));

function rootOf(file: string): string {
  for (let at = dirname(file); ; at = dirname(at))
    if (existsSync(join(at, 'package.json')) || at === dirname(at)) return at;
}
