import type { Canvas } from '../base/pixels/warp';
import { allowKernels } from '../base/pixels/wasm_kernel';
import { addressSpaceLeft } from '../device/node/memory';

export { type FacePose, type KnownFace, prepareFace, prepareKnown, prepareWhole } from '../base/pixels/face';

// Where `ulimit -v` limits them, addresses are for other things.
allowKernels(addressSpaceLeft() === Number.POSITIVE_INFINITY);

/**
 * How faces are prepared whose eyes are known: true as the original does, levelled on its canvas; `open` levelled wherever they are in the
 * picture; false: the picture is the face.
 */
export type Align = boolean | 'open';

export const canvasOf = (align: Align): Canvas => (align === 'open' ? 'open' : 'original');
