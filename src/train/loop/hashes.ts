// hashes.csv as a run writes it: a row for its start, for every 50 steps and for the end of an epoch.
import { MachineError } from '../../base/errors';
import { formatHashes, type HashRow, readHashes } from '../run/hashes';
import type { RunFolder } from '../run/run_folder';
import type { TrainHooks } from './events';
import type { StateHash } from './state_hash';
import type { Team } from './team';

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
    /** null: another rank writes them. */
    private readonly folder: RunFolder | null,
    private readonly hooks: TrainHooks,
    private readonly team: Team,
  ) {}

  /** Goes on with those of a run after `step` batches; what it had after them is computed anew. */
  restore(step: number): void {
    this.rows = this.folder ? readHashes(this.folder.dir).filter((row) => row.step <= step) : [];
  }

  /** Takes the state as it is after all that was recorded: after `step` batches of the run. */
  take(epoch: number, step: number): void {
    if (step <= (this.rows.at(-1)?.step ?? -1)) return;
    const hash = this.state.take();
    // Its error is thrown where it is awaited.
    hash.catch(() => {});
    this.pending.push({ epoch, step, hash });
  }

  /**
   * Tells the rows up to `step`, and begins to write them.
   * @throws MachineError where ranks have come to different states
   */
  async settle(step: number): Promise<void> {
    const ready = this.pending.filter((row) => row.step <= step);
    if (ready.length === 0) return;
    this.pending.splice(0, ready.length);
    for (const { hash, ...row } of ready) this.rows.push({ ...row, hash: await hash });
    await this.compare(this.rows.slice(-ready.length));
    const { folder } = this;
    if (folder) {
      const text = formatHashes(this.rows);
      this.written = this.written.then(() => folder.write('hashes.csv', text));
      this.written.catch(() => {});
    }
    for (const row of this.rows.slice(-ready.length)) this.hooks.onHash?.(row);
  }

  private async compare(rows: readonly HashRow[]): Promise<void> {
    const [first, ...others] = await this.team.ofAll(rows.map(({ hash }) => hash));
    for (const [i, hashes] of others.entries()) {
      const at = hashes.findIndex((hash, k) => hash !== first[k]);
      if (at >= 0)
        throw new MachineError(
          `after step ${rows[at].step} rank ${i + 1} has another state (${hashes[at]}) than rank 0 (${first[at]}): a device or its driver computes ` +
            'differently; go on with --resume on devices of one kind',
        );
    }
  }
}
