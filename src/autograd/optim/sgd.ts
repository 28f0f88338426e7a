import { InputError } from '../../base/errors';
import type { Rates } from '../../kernels/optimizer/rates';
import { sgd } from '../../kernels/optimizer/sgd';
import type { Tensor } from '../tensor';
import type { Neighbours } from './arena';
import { expect, type Group, groupsOf, Optimizer, type OptimizerOptions, type ParameterGroup } from './optimizer';

export interface SGDOptions extends OptimizerOptions {
  /** Share of the last velocity that stays. Default 0. */
  readonly momentum?: number;
  /** Nesterov's momentum. Default false. */
  readonly nesterov?: boolean;
}

interface SGDGroup extends Group {
  readonly momentum: number;
  readonly nesterov: boolean;
}

/**
 * Stochastic gradient descent with momentum, by PyTorch's rule: d = grad + weightDecay * p; velocity = momentum * velocity + d
 * (the first time d); p -= lr * velocity, with `nesterov` lr * (d + momentum * velocity). A parameter's state is `momentum`,
 * its velocity; without momentum it has none.
 * @example
 * const w = tensor(device, [1], [1], { requiresGrad: true });
 * const optimizer = new SGD([w], { lr: 0.1, momentum: 0.9 });
 * backward(square(w));
 * optimizer.step();
 * await w.item(); // 0.8
 */
export class SGD extends Optimizer<SGDGroup> {
  /** @throws InputError for no parameters, one given twice, one that is computed or not f32, and for rates that are no rates. */
  constructor(params: readonly Tensor[] | readonly ParameterGroup<SGDOptions>[], options: SGDOptions) {
    const kind = 'SGD';
    const groups = groupsOf(params, options).map(
      ({ params, lr, momentum = 0, weightDecay = 0, nesterov = false }): SGDGroup => ({
        ...{ params, lr, initialLr: lr, momentum, weightDecay, nesterov },
      }),
    );
    for (const { momentum, nesterov } of groups) {
      expect(kind, { momentum }, 'be 0 or more', (v) => v >= 0);
      if (nesterov && momentum === 0) throw new InputError(`${kind}: nesterov needs a momentum above 0`);
    }
    super(kind, groups, { momentum: 'element' });
  }

  /** @internal */
  protected ratesOf({ lr, momentum, weightDecay }: SGDGroup): [number, number, number, number] {
    return [lr, momentum, weightDecay, 0];
  }

  /** @internal */
  protected keeps({ momentum }: SGDGroup): boolean {
    return momentum > 0;
  }

  /** @internal */
  protected move({ value, grad, state }: Neighbours, { nesterov }: SGDGroup, rates: Rates): void {
    sgd(this.device, { value, grad, velocity: state.momentum }, rates, nesterov);
  }
}
