// hashes.csv as a run writes it: a row for its start, for every 50 steps and for the end of an epoch.
import { formatHashes, type HashRow, readHashes } from '../run/hashes';
import type { RunFolder } from '../run/run_folder';
import type { TrainHooks } from './events';
import type { StateHash } from './state_hash';

/** Batches of the whole run between two rows. */
const EVERY = 50;

/** Whether the state is hashed at the end of a group of batches, `from` to `to` of the run: every 50th batch is in one. */
export const isHashed = (from: number, to: number): boolean => Math.floor(from / EVERY) < Math.floor(to / EVERY);

/** The hashes of a run's states. They are computed and written as the run goes: nothing waits for the device, or the disk. */
export class Hashes {
  private rows: HashRow[] = [];
  /** Resolves once the rows that were told are on the disk: to be awaited before a checkpoint is written. */
  written: Promise<void> = Promise.resolve();
  private readonly pending: { readonly epoch: number; readonly step: number; readonly hash: Promise<string> }[] = [];

  constructor(
    private readonly state: StateHash,
    private readonly folder: RunFolder,
    private readonly hooks: TrainHooks,
  ) {}

  /** Goes on with those of a run after `step` batches; what it had after them is computed anew. */
  restore(step: number): void {
    this.rows = readHashes(this.folder.dir).filter((row) => row.step <= step);
  }

  /** Takes the state as it is after all that was recorded: after `step` batches of the run. */
  take(epoch: number, step: number): void {
    if (step <= (this.rows.at(-1)?.step ?? -1)) return;
    const hash = this.state.take();
    // Its error is thrown where it is awaited.
    hash.catch(() => {});
    this.pending.push({ epoch, step, hash });
  }

  /** Tells the rows up to `step`, and begins to write them. */
  async settle(step: number): Promise<void> {
    const ready = this.pending.filter((row) => row.step <= step);
    if (ready.length === 0) return;
    this.pending.splice(0, ready.length);
    for (const { hash, ...row } of ready) this.rows.push({ ...row, hash: await hash });
    const text = formatHashes(this.rows);
    this.written = this.written.then(() => this.folder.write('hashes.csv', text));
    this.written.catch(() => {});
    for (const row of this.rows.slice(-ready.length)) this.hooks.onHash?.(row);
  }
}
