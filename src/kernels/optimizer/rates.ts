import type { Storage } from '../../device';

/** What a step of an optimizer goes by, beside its constants. */
export interface Rates {
  /** Four numbers a group of parameters: in a buffer, because uniforms are kept by content and a learning rate may change every step. */
  readonly rates: Storage;
  readonly group: number;
  /** What gradients are to be multiplied with, and whether the step is to be taken at all (see loss_scale); null: taken as they are. */
  readonly scaling: Storage | null;
}
