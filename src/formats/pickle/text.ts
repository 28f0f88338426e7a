// The text forms of protocol 0: numbers as lines, strings as Python's repr, unicode as raw-unicode-escape.
import { InputError } from '../../base/errors';
import { quote } from './values';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new InputError(`expected UTF-8, found ${bytes.length} bytes that are not`);
  }
}

export function decodeLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of a text whose characters are all below 256 (Latin-1, as Python 2 and protocol 2 spell bytes). */
export function encodeLatin1(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 255) throw new InputError(`expected bytes as Latin-1, found ${quote(text)}`);
  }
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Most bytes of an integer: parsing takes time that grows with the square of its length. */
const MAX_INTEGER_BYTES = 256;

/** A whole number as a number where that is exact, else as a bigint. */
export function exactInteger(value: bigint): number | bigint {
  const n = Number(value);
  return Number.isSafeInteger(n) ? n : value;
}

/** Little-endian two's complement. */
export function decodeInteger(bytes: Uint8Array): number | bigint {
  if (bytes.length > MAX_INTEGER_BYTES) {
    throw new InputError(`expected an integer of at most ${MAX_INTEGER_BYTES} bytes, found ${bytes.length}`);
  }
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
  return exactInteger(BigInt.asIntN(8 * bytes.length, value));
}

export function parseInteger(line: string): number | bigint {
  if (line.length > 2 * MAX_INTEGER_BYTES || !/^[+-]?\d+L?$/.test(line)) {
    throw new InputError(`expected a whole number, found ${quote(line)}`);
  }
  return exactInteger(BigInt(line.replace(/^\+|L$/g, '')));
}

export function parseFloatLine(line: string): number {
  const special = /^([+-]?)(inf|nan)$/.exec(line);
  if (special) return special[2] === 'nan' ? Number.NaN : special[1] === '-' ? -Infinity : Infinity;
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i.test(line)) {
    throw new InputError(`expected a number, found ${quote(line)}`);
  }
  return Number(line);
}

/** A text without the zero bytes at its end, which fill it up. */
export function withoutFill(text: string): string {
  let end = text.length;
  while (text.charCodeAt(end - 1) === 0) end--;
  return text.slice(0, end);
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b', f: '\f', v: '\v' };

/** `'…'` or `"…"` with the escapes of Python 2's repr. */
export function parseQuoted(line: string): string {
  const mark = line[0];
  if (line.length < 2 || (mark !== "'" && mark !== '"') || line.at(-1) !== mark)
    throw new InputError(`expected a string in quotes, found ${quote(line)}`);
  return inPieces(line.slice(1, -1), (piece) =>
    piece.replace(/\\(?:x([0-9a-fA-F]{2})|([0-7]{1,3})|(.))/gs, (_, hex, octal, char) => {
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 255);
      return ESCAPES[char] ?? char;
    }),
  );
}

/** raw-unicode-escape: Latin-1 with \uXXXX and \UXXXXXXXX. */
export function parseUnicodeLine(line: string): string {
  return inPieces(line, (piece) =>
    piece.replace(/\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g, (_, short, long) => {
      const code = Number.parseInt(short ?? long, 16);
      if (code > 0x10ffff) throw new InputError(`expected a character up to U+10FFFF, found ${quote(`\\U${long}`)}`);
      return String.fromCodePoint(code);
    }),
  );
}

/** Characters that are looked at together: what a replacement needs meanwhile is many times as much. */
const PIECE = 1 << 16;
/** Characters of the longest escape. */
const ESCAPE = 10;

/** Undoes the escapes of a text, a piece after the other; none is cut. */
function inPieces(text: string, undo: (piece: string) => string): string {
  let out = '';
  for (let at = 0; at < text.length; ) {
    let end = Math.min(text.length, at + PIECE);
    if (end < text.length) {
      // An escape begins at a backslash that no other one escapes.
      let before = end - 1;
      while (before > end - ESCAPE && text[before] !== '\\') before--;
      while (before > at && text[before - 1] === '\\') before--;
      if (text[before] === '\\' && before > at) end = before;
    }
    out += undo(text.slice(at, end));
    at = end;
  }
  return out;
}
