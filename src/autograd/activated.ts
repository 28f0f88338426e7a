import type { Activation } from '../kernels/activation';
import type { Tensor } from './tensor';

/** What stands between x and an activation: y = act((x - running_mean) / sqrt(running_var + eps) * weight + bias), channel by channel. */
export interface RunningNorm {
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly runningMean: Tensor;
  readonly runningVar: Tensor;
  readonly eps: number;
}

/** @param norm of the running statistics, where one is fused with it; null: it reads x itself */
export type ActivationObserver = (x: Tensor, activation: Activation, norm: RunningNorm | null) => void;
let observer: ActivationObserver | null = null;

/** Calls `see` for what every activation reads inside `fn`, of those behind batch norms in evaluation mode, and those that stand alone. */
export function observeActivations<T>(see: ActivationObserver, fn: () => T): T {
  const before = observer;
  observer = see;
  try {
    return fn();
  } finally {
    observer = before;
  }
}

/** Ops call it for an activation that they take along. */
export const activated: ActivationObserver = (x, activation, norm) => observer?.(x, activation, norm);

/** Whether somebody asked for it. */
export const activationsObserved = (): boolean => observer !== null;
