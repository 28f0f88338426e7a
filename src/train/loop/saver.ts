// Checkpoints that are written while the training goes on.
import { performance } from 'node:perf_hooks';
import { tensorNotFinite } from '../measures/finite';
import { encodeCheckpoint, type History, type Learning, type Progress, readLearning } from '../run/checkpoint';
import type { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';

type Reading = ReturnType<typeof readLearning>;

/** Decides when a checkpoint is due, and writes one at a time. */
export class Saver {
  private writing: Promise<void> | null = null;
  private failure: unknown = null;
  private wanted = false;
  private last = { time: performance.now(), step: 0 };

  constructor(
    private readonly folder: RunFolder,
    private readonly learning: Learning,
    private readonly args: Pick<TrainArgs, 'save_minutes' | 'save_every'>,
    /** What is to be on the disk before a checkpoint. */
    private readonly before: () => Promise<void>,
  ) {}

  /** Makes the next checkpoint due at once. */
  want(): void {
    this.wanted = true;
  }

  /** Whether one is due after `step` batches of the run. */
  isDue(step: number): boolean {
    const { save_minutes: minutes, save_every: every } = this.args;
    const { last } = this;
    const late = minutes > 0 && performance.now() - last.time >= 60_000 * minutes;
    return this.wanted || late || (every !== null && step - last.step >= every);
  }

  /** Begins to read the state as all work recorded so far will leave it. Waits for the checkpoint before, not for the device. */
  async read(step: number): Promise<{ reading: Reading }> {
    await this.idle();
    this.saved(step);
    const reading = readLearning(this.learning);
    // Its error is thrown where it is awaited, or is of no interest if the step itself fails.
    reading.catch(() => {});
    return { reading };
  }

  /** Writes what was read, behind the training's back. */
  write(reading: Reading, progress: Progress, history: History): void {
    // Taken down now: the training goes on.
    const [then, past] = [structuredClone(progress), { ...history, rows: [...history.rows] }];
    const before = this.writing;
    const write = async (): Promise<void> => {
      await before;
      // A state that is not finite is told at the latest by the next losses, or at the epoch's end.
      await this.put(reading, then, past);
    };
    this.writing = write().catch((error) => {
      this.failure ??= error;
    });
  }

  /**
   * Reads the state and writes it, unless it is not finite, as nobody could go on from it: the checkpoint before stays.
   * @returns what is not finite, or null
   */
  async save(step: number, progress: Progress, history: History): Promise<string | null> {
    await this.idle();
    this.saved(step);
    return this.put(readLearning(this.learning), progress, history);
  }

  private async put(reading: Reading, progress: Progress, history: History): Promise<string | null> {
    const tensors = await reading;
    const spoilt = tensorNotFinite(tensors);
    if (spoilt !== null) return spoilt;
    await this.before();
    await this.folder.writeLast(encodeCheckpoint(tensors, progress, history));
    return null;
  }

  /** Waits until what was begun is written. @throws why it could not be */
  async idle(): Promise<void> {
    await this.writing;
    this.writing = null;
    this.check();
  }

  /** Waits until nothing is being written, whatever becomes of it. */
  async rest(): Promise<void> {
    await this.writing;
  }

  /** @throws why a checkpoint could not be written */
  check(): void {
    if (this.failure !== null) throw this.failure;
  }

  private saved(step: number): void {
    this.last = { time: performance.now(), step };
    this.wanted = false;
  }
}
