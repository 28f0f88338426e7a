import { adam } from '../../kernels/optimizer/adam';
import type { Rates } from '../../kernels/optimizer/rates';
import type { Tensor } from '../tensor';
import type { Neighbours } from './arena';
import { expect, type Group, groupsOf, Optimizer, type OptimizerOptions, type ParameterGroup } from './optimizer';

export interface AdamOptions extends OptimizerOptions {
  /** Shares of the averages of gradients and of their squares that stay. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number];
  /** What the root of the average of squares is kept from 0 with. Default 1e-8. */
  readonly eps?: number;
}

interface AdamGroup extends Group {
  readonly betas: readonly [number, number];
  readonly eps: number;
}

/**
 * Adam (Kingma and Ba 2015) by PyTorch's rule, at a parameter's step t: d = grad + weightDecay * p (L2);
 * exp_avg = b1 * exp_avg + (1 - b1) * d; exp_avg_sq = b2 * exp_avg_sq + (1 - b2) * d^2;
 * p -= lr * exp_avg / (1 - b1^t) / (sqrt(exp_avg_sq / (1 - b2^t)) + eps), and nothing where exp_avg is 0.
 *
 * A parameter's state is `exp_avg`, `exp_avg_sq` and `step`, t, which counts the steps that it had a gradient in. It is kept on
 * the device, where a step that a GradScaler skips is known, and does not count.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new Adam([w], { lr: 0.1 });
 * backward(square(w));
 * optimizer.step();
 * await w.item(); // 0.9
 */
export class Adam extends Optimizer<AdamGroup> {
  /** The weight decay is no part of the gradient: Adam's AdamW. @internal */
  protected readonly decoupled: boolean = false;

  /** @throws InputError for no parameters, one given twice, one that is computed or not f32, and for settings out of their range. */
  constructor(params: readonly Tensor[] | readonly ParameterGroup<AdamOptions>[], options: AdamOptions) {
    const groups = groupsOf(params, options).map(
      ({ params, lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }): AdamGroup => ({
        ...{ params, lr, initialLr: lr, betas: [...betas], eps, weightDecay },
      }),
    );
    const { name: kind } = new.target;
    for (const { betas, eps } of groups) {
      expect(kind, { eps }, 'be 0 or more', (v) => v >= 0);
      expect(kind, { 'betas[0]': betas[0], 'betas[1]': betas[1] }, 'be from 0 to below 1', (v) => v >= 0 && v < 1);
    }
    super(kind, groups, { step: 'parameter', exp_avg: 'element', exp_avg_sq: 'element' });
  }

  /** @internal */
  protected ratesOf({ lr, weightDecay }: AdamGroup): [number, number, number, number] {
    return [lr, weightDecay, 0, 0];
  }

  /** @internal */
  protected keeps(): boolean {
    return true;
  }

  /** @internal */
  protected move({ value, grad, state, block }: Neighbours, { betas, eps }: AdamGroup, rates: Rates): void {
    const run = { value, grad, average: state.exp_avg, square: state.exp_avg_sq, steps: state.step, block };
    adam(this.device, run, rates, { betas, eps, decoupled: this.decoupled });
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), by PyTorch's rule: as `Adam`, but d = grad, and p is multiplied
 * with 1 - lr * weightDecay first. weightDecay is 0.01 unless told otherwise.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new AdamW([w], { lr: 0.1, weightDecay: 0.1 });
 * backward(square(w));
 * optimizer.step();
 * await w.item(); // 0.89
 */
export class AdamW extends Adam {
  /** @internal */
  protected override readonly decoupled = true;

  constructor(params: readonly Tensor[] | readonly ParameterGroup<AdamOptions>[], options: AdamOptions) {
    super(params, { ...options, weightDecay: options.weightDecay ?? 0.01 });
  }
}
