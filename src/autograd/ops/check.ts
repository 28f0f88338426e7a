import { InputError } from '../../device';
import type { Tensor } from '../tensor';

/** @throws InputError when a tensor does not hold floats. */
export function wantFloats(op: string, ...tensors: readonly Tensor[]): void {
  for (const t of tensors)
    if (t.dtype !== 'f32') throw new InputError(`${op}: expected numbers of type f32, found ${t} of type ${t.dtype}`);
}
