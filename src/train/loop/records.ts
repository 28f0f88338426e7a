// All that a run leaves in its folder as it goes: one process writes it.
import type { StateEntry } from '../../models';
import { formatPredictions, type SamplePredictions } from '../measures/predictions';
import { report } from '../reports/report';
import { EventLog } from '../reports/tensorboard';
import { encodeWeights, type Learning } from '../run/checkpoint';
import { type RunMetrics, readRun } from '../run/read_run';
import type { EpochRow } from '../run/results';
import type { RunFolder } from '../run/run_folder';
import type { TrainArgs } from '../settings/args';
import { LayerLog } from './layer_log';
import type { BatchResult, Learner } from './learner';
import type { RunData } from './run_data';
import { Saver } from './saver';
import { StepLog } from './step_log';

/** Where a batch stands in its run. */
type At = Parameters<StepLog['add']>[0];

export class Records {
  readonly saver: Saver;
  readonly layers: LayerLog;
  private readonly steps: StepLog;
  private events: EventLog | null = null;

  constructor(
    readonly folder: RunFolder,
    private readonly args: TrainArgs,
    private readonly data: RunData,
    private readonly learner: Learner,
    learning: Learning,
    /** Resolves once hashes that were told are on the disk. */
    hashed: () => Promise<void>,
  ) {
    this.layers = new LayerLog(folder, learner, data.graph);
    this.steps = new StepLog(folder);
    this.saver = new Saver(folder, learning, args, async () => {
      this.steps.flush();
      await hashed();
    });
  }

  /** Goes on after so many epochs and batches of the run. */
  restore(epochs: number, step: number): void {
    this.layers.restore(epochs);
    this.steps.restore(step);
  }

  /** The training begins or goes on, after `step` batches. */
  open(step: number): void {
    if (this.args.tensorboard) this.events = new EventLog(this.folder, step);
  }

  batch(at: At, result: BatchResult): void {
    this.steps.add(at, result);
    this.events?.step(at.step, result, at.lr);
  }

  /** All batches of an epoch are trained: what follows is its validation. */
  async trained(epoch: number): Promise<void> {
    this.steps.flush();
    const scaling = await this.learner.scaler?.state();
    if (scaling)
      this.folder.log(`after epoch ${epoch}: ${scaling.skipped} steps skipped in all, loss scale ${scaling.scale}`);
    const gradients = await this.learner.gradients();
    this.events?.keep(gradients);
    this.layers.keep(gradients);
  }

  /** After an epoch. @param state what was validated */
  epoch(step: number, row: EpochRow, state: ReadonlyMap<string, StateEntry>): void {
    const parameters = new Map(this.learner.model.namedParameters());
    this.events?.epoch(step, row, new Map([...state].filter(([name]) => parameters.has(name))));
  }

  /** The best epoch so far. */
  async best(state: ReadonlyMap<string, StateEntry>, metrics: RunMetrics, found: SamplePredictions): Promise<void> {
    const { folder, data } = this;
    await folder.writeBest(encodeWeights(state));
    await folder.writeMetrics(metrics);
    await folder.write('predictions.csv', formatPredictions(data.val.samples, found));
  }

  /** Keeps an epoch's weights, where the settings say so. */
  async keep(epoch: number, state: ReadonlyMap<string, StateEntry>): Promise<void> {
    const { keep } = this.args;
    if (keep > 0) await this.folder.writeEpoch(epoch, encodeWeights(state), keep);
  }

  /** The run is finished: its pictures are drawn. */
  async draw(step: number): Promise<void> {
    const drawn = await report(readRun(this.folder.dir));
    this.events?.pictures(step, drawn);
  }

  /** The training ends, for whatever reason. */
  async end(): Promise<void> {
    await this.saver.rest();
    this.steps.end();
  }
}
