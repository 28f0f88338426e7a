import { type ParameterGroup, SGD } from '../../autograd';
import type { EmotionModel } from '../../models';
import type { TrainArgs } from '../settings/args';

type OptimizerArgs = Pick<TrainArgs, 'lr' | 'backbone_lr' | 'freeze_backbone' | 'momentum' | 'weight_decay'>;

/** The optimizer of a run: one group, or the heads and then the backbone if it has a learning rate of its own or is frozen. */
export function makeOptimizer(model: EmotionModel, args: OptimizerArgs): SGD {
  if (args.freeze_backbone) for (const m of model.backbone) m.freeze();
  const options = { lr: args.lr, momentum: args.momentum, weightDecay: args.weight_decay };
  if (args.backbone_lr === null) return new SGD(model.parameters(), options);
  const backbone = new Set(model.backbone.flatMap((m) => m.parameters()));
  const groups: ParameterGroup[] = [
    { params: model.parameters().filter((p) => !backbone.has(p)) },
    { params: [...backbone], lr: args.backbone_lr },
  ];
  return new SGD(groups, options);
}
