const [SOS, EOI] = [0xda, 0xd9];

/** The size that a JPEG's frame header tells; null: none comes before the first scan, or not in these bytes. */
export function jpegSize(bytes: Uint8Array): { width: number; height: number } | null {
  const u16 = (at: number): number => (bytes[at] << 8) | bytes[at + 1];
  for (let at = 2; at + 9 < bytes.length; ) {
    if (bytes[at] !== 0xff) return null;
    while (bytes[at] === 0xff) at++;
    const marker = bytes[at++];
    if (marker === SOS || marker === EOI) return null;
    // C4, C8 and CC are tables and an extension, no frames.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      const [height, width] = [u16(at + 3), u16(at + 5)];
      return width > 0 && height > 0 ? { width, height } : null;
    }
    at += u16(at);
  }
  return null;
}
