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

/** @throws InputError when x is no map of floats, or out, where the result goes, is stored otherwise or lies in x. */
export function wantMap(op: string, x: Tensor, out?: Tensor): void {
  wantFloats(op, x);
  if (x.shape.length !== 4 || x.layout !== 'rows')
    throw new InputError(`${op}: x must be [N, C, H, W] in layout rows, found ${x} in layout ${x.layout}`);
  if (out && out.layout !== 'rows')
    throw new InputError(`${op}: out ${out} must be in layout rows, found ${out.layout}`);
  if (out && out.dtype !== x.dtype) throw new InputError(`${op}: out is stored as ${out.dtype}, x as ${x.dtype}`);
  if (out?.value === x.value) throw new InputError(`${op}: out ${out} is a part of the memory that x ${x} lies in`);
}
