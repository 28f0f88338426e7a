import { InputError } from '../../base/errors';
import type { Tensor } from '../tensor';

/** @throws InputError when a tensor does not hold floats. */
export function wantFloats(op: string, ...tensors: readonly Tensor[]): void {
  for (const t of tensors)
    if (t.dtype === 'u32') throw new InputError(`${op}: expected numbers of type f32 or f16, found ${t} of type u32`);
}

/** @throws InputError when a tensor, a parameter as a rule, is not stored as f32. */
export function wantFloat32(op: string, ...tensors: readonly (Tensor | null)[]): void {
  for (const t of tensors)
    if (t && t.dtype !== 'f32')
      throw new InputError(`${op}: expected numbers of type f32, found ${t} of type ${t.dtype}`);
}
