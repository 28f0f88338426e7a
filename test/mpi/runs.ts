// Small trainings for ranks, and what becomes of them.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { uvu } from 'uvu';
import * as assert from 'uvu/assert';
import { LAUNCHERS, type Launcher } from '../../bench/mpi/launchers';
import { run } from '../cli/program';
import { differences } from '../crash/crash';
import { given } from '../given';
import { VALIDATION } from './validation';

/** Whether all is tried, as `npm run test:mpi` does, or what `npm test` has time for. */
export const WHOLE = process.env.WHOLE === '1';

/** Registers a test under each MPI; where one or the package for calling it is not there, it counts as skipped. */
export function under<T>(
  test: uvu.Test<T>,
  name: string,
  run: (launcher: Launcher, id: string) => Promise<void>,
  which: readonly Launcher['name'][] = ['Open MPI', 'MPICH'],
): void {
  for (const mpi of which) {
    const launcher = LAUNCHERS.find((l) => l.name === mpi);
    const missing = launcher ? (hasKoffi() ? null : 'koffi') : mpi;
    given(
      test,
      missing === null,
      missing ?? '',
    )(`${mpi}: ${name}`, () => run(launcher as Launcher, mpi === 'MPICH' ? 'mpich' : 'openmpi'));
  }
}

function hasKoffi(): boolean {
  try {
    createRequire(import.meta.url).resolve('koffi');
    return true;
  } catch {
    return false;
  }
}

/** Drawn faces, and trainings of them in a folder that is gone at the end. */
export class Runs {
  readonly dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-mpi-'));
  private readonly alone = new Map<string, Promise<string>>();

  /** @param flags of all trainings */
  constructor(
    private readonly faces: number,
    private readonly flags: string,
  ) {}

  async draw(): Promise<void> {
    const flags = `--out ${this.dir}/faces --n ${this.faces} --validation ${VALIDATION} --size 48`;
    assert.is((await run(`synth ${flags}`.split(' '))).code, 0);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** Arguments of a training. */
  train(name: string, more = ''): string[] {
    const { dir, flags } = this;
    const data = `--image_dir ${dir}/faces --data ${dir}/faces/training.csv --val_data ${dir}/faces/validation.csv`;
    return `train ${data} --cache off --workers 1 --saved_model ${this.path(name)} ${flags} ${more}`
      .trim()
      .split(/\s+/);
  }

  /** A training in one process with these flags, which is made once. @returns its folder's name */
  byOne(more: string): Promise<string> {
    const { alone } = this;
    const name = `alone${alone.size}`;
    const made = async (): Promise<string> => {
      const { code, err } = await run(this.train(name, more));
      assert.is(code, 0, err);
      return name;
    };
    if (!alone.has(more)) alone.set(more, made());
    return alone.get(more) as Promise<string>;
  }

  /** Holds that two runs came to the same. */
  same(a: string, b: string): void {
    assert.equal(differences(this.path(a), this.path(b)), [], `${a} and ${b}`);
  }

  /** Ends a run that has begun in one process. */
  async resume(name: string): Promise<void> {
    assert.ok(existsSync(join(this.path(name), 'args.json')), `${name} was not saved`);
    const { code, err } = await run(`train --resume --saved_model ${this.path(name)}`.split(' '));
    assert.is(code, 0, err);
  }
}
