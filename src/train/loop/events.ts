// What the trainer tells whoever watches it: the command line, a script, a test.
import type { Device } from '../../device';
import type { Metrics } from '../measures/metrics';
import type { HashRow } from '../run/hashes';
import type { EpochRow } from '../run/results';
import type { EpochScores } from '../settings/best';

/** After a training or validation step. Losses, accuracy and the pace are of the steps so far in this phase of the epoch. */
export interface StepEvent {
  phase: 'train' | 'validate';
  /** From 1. */
  epoch: number;
  epochs: number;
  /** Steps done in this phase of the epoch, from 1. */
  step: number;
  steps: number;
  /** Mean of the total loss; null where there is none: `evaluate` computes no losses, and one sample has no CCC. */
  loss: number | null;
  /** Mean of its categorical part. */
  cat: number | null;
  /** Mean of its continuous part; null also where the model has none. */
  cont: number | null;
  /** Total loss of this step's batch alone, finite or not. */
  batchLoss: number | null;
  /** Learning rate of the step; null where nothing is learnt. */
  lr: number | null;
  imagesPerSecond: number;
  /** Device memory, the highest so far. */
  bytes: number;
  /** Fraction of the samples so far that were said right; NaN where nobody looks (`--lr_find`). */
  accuracy: number;
  /** The best epoch so far; null before the first, and where there are none. */
  best: EpochScores | null;
}

/** All optional; none may throw. */
export interface TrainHooks {
  /** A line for a person: what is being set up, what was left out and why. It is in the run's log as well. */
  onNotice?(line: string): void;
  /** Images being prepared before the first step. */
  onPrepare?(done: number, total: number): void;
  /** If given, the untrained network is validated before the first step. */
  onBefore?(metrics: Metrics): void;
  /** Each time a device is opened: for the run, and to measure its peaks for a profile. */
  onDevice?(device: Device): void;
  onStep?(event: StepEvent): void;
  /** @param best the best epoch so far: this one, or one before */
  onEpoch?(row: EpochRow, best: EpochScores): void;
  /** When a row of hashes.csv is written. */
  onHash?(row: HashRow): void;
}
