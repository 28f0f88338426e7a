import { Adam, AdamW, type Optimizer, type ParameterGroup, SGD } from '../../autograd';
import type { EmotionModel } from '../../models';
import type { TrainArgs } from '../settings/args';

export type OptimizerArgs = Pick<
  TrainArgs,
  'optimizer' | 'lr' | 'backbone_lr' | 'freeze_backbone' | 'momentum' | 'betas' | 'eps' | 'weight_decay'
>;

/** The optimizer of a run: one group, or the heads and then the backbone if it has a learning rate of its own or is frozen. */
export function makeOptimizer(model: EmotionModel, args: OptimizerArgs): Optimizer {
  if (args.freeze_backbone) for (const m of model.backbone) m.freeze();
  const backbone = new Set(args.backbone_lr === null ? [] : model.backbone.flatMap((m) => m.parameters()));
  const groups: ParameterGroup[] = [{ params: model.parameters().filter((p) => !backbone.has(p)) }];
  if (args.backbone_lr !== null) groups.push({ params: [...backbone], lr: args.backbone_lr });
  const { lr, weight_decay: weightDecay, momentum, betas, eps } = args;
  if (args.optimizer === 'sgd') return new SGD(groups, { lr, weightDecay, momentum: momentum ?? undefined });
  const options = { lr, weightDecay, betas: betas ?? undefined, eps: eps ?? undefined };
  return new (args.optimizer === 'adam' ? Adam : AdamW)(groups, options);
}
