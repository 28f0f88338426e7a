/** The settings that a learning rate's course follows from. */
export type RateArgs = { readonly warmup: number } & (
  | { readonly schedule: 'step'; readonly step_size: number; readonly gamma: number }
  | { readonly schedule: 'cosine'; readonly epochs: number }
);

/**
 * What the learning rates are multiplied with at step `done` of a run, counted from 0: a pure function, so that a run can be entered
 * anywhere. A linear rise over the first `warmup` steps; then `step` (PyTorch's StepLR): times `gamma` after every `step_size` epochs;
 * or `cosine`: half a cosine down to 0 at the end of the last epoch (Loshchilov and Hutter 2017).
 *
 * @param each steps an epoch
 * @example
 * const optimizer = new SGD([zeros(device, [1], { requiresGrad: true })], { lr: 0.1 });
 * for (const g of optimizer.groups) g.lr = g.initialLr * rateFactor({ schedule: 'cosine', warmup: 5, epochs: 10 }, 0, 100);
 * optimizer.lr; // 0.02
 */
export function rateFactor(args: RateArgs, done: number, each: number): number {
  const { warmup } = args;
  if (done < warmup) return (done + 1) / warmup;
  if (args.schedule === 'step') return args.gamma ** Math.floor(done / each / args.step_size);
  const falling = args.epochs * each - warmup;
  return 0.5 * (1 + Math.cos((Math.PI * Math.min(done - warmup, falling)) / falling));
}
