import type { Storage } from '../../device';
import type { Verdict } from '../guard';

/** What a step of an optimizer goes by, beside its constants. */
export interface Rates {
  /** Four numbers a group of parameters: in a buffer, because uniforms are kept by content and a learning rate may change every step. */
  readonly rates: Storage;
  readonly group: number;
  /** Says whether the step is taken at all, and what gradients are multiplied with; null: taken as they are. */
  readonly verdict: Verdict | null;
}
