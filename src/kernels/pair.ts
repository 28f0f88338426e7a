import type { Constants } from '../device';
import { type Matrix, vectorType } from './launch/matrix';

/** Terms of a sum from which on their rounding errors average out far below float32's own. */
const MANY = 1 << 16;

/** Whether a matrix has so few elements that what is summed over it takes pair arithmetic throughout. */
export const isFew = (m: Matrix): boolean => m.rows * m.channels < MANY;

/** What pair.wgsl wants to know: the types of `width` elements, and whether products and quotients are pairs, too. */
export const pairs = (width: 4 | 1, exact: boolean): Constants => ({
  V: vectorType(width),
  ...(width === 4 ? { U: 'vec4u', B: 'vec4<bool>' } : { U: 'u32', B: 'bool' }),
  EXACT: exact,
});
