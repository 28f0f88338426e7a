// The part of opentype.js that is used here; the package brings no types.
declare module 'opentype.js' {
  /** M and L have x, y; Q has x1, y1 as well, C also x2, y2. */
  export interface PathCommand {
    readonly type: 'M' | 'L' | 'Q' | 'C' | 'Z';
    readonly x1?: number;
    readonly y1?: number;
    readonly x2?: number;
    readonly y2?: number;
    readonly x?: number;
    readonly y?: number;
  }
  export interface Glyph {
    readonly advanceWidth: number;
    getPath(x: number, y: number, fontSize: number): { readonly commands: readonly PathCommand[] };
  }
  export interface Font {
    readonly unitsPerEm: number;
    charToGlyph(character: string): Glyph;
  }
  /** `lowMemory`: glyphs are read as they are asked for. */
  const opentype: { parse(bytes: ArrayBuffer, options: { lowMemory: boolean }): Font };
  export default opentype;
}
