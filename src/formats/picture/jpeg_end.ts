// Whether a JPEG that lacks its end marker lacks nothing else.

const [EOI, SOS, DRI] = [0xd9, 0xda, 0xdd];
const isRestart = (marker: number): boolean => marker >= 0xd0 && marker <= 0xd7;

/** Of each component of the frame. */
interface Component {
  id: number;
  /** Sampling, across and down. */
  h: number;
  v: number;
  /** Coefficients that have not come to their last bit; sequential scans bring all. */
  missing: Set<number>;
}

export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/**
 * How a JPEG ends: `marked` by its end marker, `open` where all scans have begun and the last has all its restart markers, else `cut`
 * (as one without a frame is). Of an open one's last stretch only decoding tells whether it is whole.
 */
export function jpegEnd(bytes: Uint8Array): 'marked' | 'open' | 'cut' {
  const u16 = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
  let components: Component[] = [];
  let [width, height, restartInterval] = [0, 0, 0];
  let progressive = false;
  /** Restart markers that the scan before lacks. */
  let lacking = 0;
  for (let at = 2; ; ) {
    at = bytes.indexOf(0xff, at);
    if (at < 0) break;
    while (bytes[at] === 0xff) at++;
    const marker = bytes[at++];
    if (at > bytes.length) break;
    if (marker === EOI) return components.length > 0 ? 'marked' : 'cut';
    if (marker <= 1 || marker === 0xd8 || isRestart(marker)) continue;
    const [body, end] = [at + 2, at + u16(at)];
    if (end > bytes.length || at + 2 > bytes.length) return 'cut';
    at = Math.max(end, body);
    if (marker === DRI) restartInterval = u16(body);
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      progressive = (marker & 3) === 2;
      [height, width] = [u16(body + 1), u16(body + 3)];
      components = Array.from({ length: bytes[body + 5] }, (_, c) => {
        const [id, sampling] = bytes.subarray(body + 6 + 3 * c);
        return { id, h: sampling >> 4, v: sampling & 15, missing: new Set(Array(64).keys()) };
      });
    } else if (marker === SOS) {
      const count = bytes[body];
      const parts = components.filter(({ id }) =>
        Array.from({ length: count }, (_, i) => bytes[body + 1 + 2 * i]).includes(id),
      );
      const [first, last, precision] = bytes.subarray(body + 1 + 2 * count);
      for (const { missing } of parts) {
        if (!progressive) missing.clear();
        else if ((precision & 15) === 0) for (let k = first; k <= last; k++) missing.delete(k);
      }
      let restarts = 0;
      for (; at < bytes.length; at++) {
        if (bytes[at] !== 0xff || bytes[at + 1] === 0) continue;
        if (isRestart(bytes[at + 1])) restarts++;
        else if (bytes[at + 1] !== 0xff) break;
      }
      const expected =
        restartInterval > 0 ? Math.ceil(unitsOf(parts, components, width, height) / restartInterval) - 1 : 0;
      lacking = expected - restarts;
    }
  }
  const whole = components.length > 0 && components.every(({ missing }) => missing.size === 0) && lacking <= 0;
  return whole ? 'open' : 'cut';
}

/** Units (MCUs) of a scan: of one component blocks, of several what all of them sample together. */
function unitsOf(parts: readonly Component[], all: readonly Component[], width: number, height: number): number {
  const [h, v] = [Math.max(...all.map((c) => c.h)), Math.max(...all.map((c) => c.v))];
  const [of] = parts;
  if (parts.length !== 1 || !of) return Math.ceil(width / (8 * h)) * Math.ceil(height / (8 * v));
  return Math.ceil(Math.ceil((width * of.h) / h) / 8) * Math.ceil(Math.ceil((height * of.v) / v) / 8);
}
