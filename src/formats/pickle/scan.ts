// A first look through a pickle's instructions, which carries none out: most files that are no whole pickle end here, before they
// have made anything.

/** What follows an instruction's byte: so many bytes, a length of so many bytes and then as many, or one or two lines. */
type Argument = number | { readonly length: 1 | 4 | 8 } | { readonly lines: 1 | 2 };

const ARGUMENTS: Argument[] = Array(256).fill(0);
const define = (argument: Argument, ...codes: (string | number)[]): void => {
  for (const code of codes) ARGUMENTS[typeof code === 'string' ? code.charCodeAt(0) : code] = argument;
};
define(1, 0x80, 'q', 'h', 'K', 0x82);
define(2, 'M', 0x83);
define(4, 'r', 'j', 'J', 0x84);
define(8, 0x95, 'G');
define({ length: 1 }, 0x8a, 'U', 0x8c, 'C');
define({ length: 4 }, 0x8b, 'T', 'X', 'B');
define({ length: 8 }, 0x8d, 0x8e, 0x96);
define({ lines: 1 }, 'p', 'g', 'I', 'L', 'F', 'S', 'V', 'P');
define({ lines: 2 }, 'c', 'i');

const [GET, BINGET, LONG_BINGET, STOP] = ['g', 'h', 'j', '.'].map((code) => code.charCodeAt(0));

/** Of what is stored in the memo, how much may be taken out again. */
const MAX_USED = 1_000_000;

/**
 * Looks through the instructions from `start` to STOP. Real pickles have one in four bytes.
 * @param known whether a byte is an instruction
 * @param fail throws for what is wrong at a byte
 * @returns the places of the memo that are read
 */
export function scan(
  bytes: Uint8Array,
  start: number,
  known: (code: number) => boolean,
  fail: (at: number, message: string) => never,
): Set<number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const used = new Set<number>();
  const most = 1_000_000 + (bytes.length - start) / 2;
  let at = start;
  for (let count = 0; ; count++) {
    const begin = at;
    if (count > most) fail(begin, `expected at most ${Math.floor(most)} instructions, found more`);
    const need = (length: number): number => {
      const left = bytes.length - at;
      if (length > left) fail(begin, `expected ${length} further bytes, found ${left}: truncated, or no pickle`);
      at += length;
      return at - length;
    };
    if (at >= bytes.length) need(1);
    const code = bytes[at++];
    if (code === STOP) return used;
    const argument = ARGUMENTS[code];
    if (argument === 0) {
      if (!known(code)) fail(begin, `expected a pickle instruction, found byte 0x${code.toString(16)}`);
    } else if (typeof argument === 'number') {
      const place = need(argument);
      if (code === BINGET) used.add(bytes[place]);
      else if (code === LONG_BINGET) used.add(view.getUint32(place, true));
    } else if ('length' in argument) {
      const place = need(argument.length);
      const length =
        argument.length === 1
          ? bytes[place]
          : argument.length === 4
            ? view.getUint32(place, true)
            : Number(view.getBigUint64(place, true));
      need(length);
    } else {
      for (let line = 0; line < argument.lines; line++) {
        const end = bytes.indexOf(10, at);
        if (end < 0) fail(begin, 'expected a line that ends, found the end of the file: truncated, or no pickle');
        if (code === GET) used.add(Number(Buffer.from(bytes.subarray(at, Math.min(end, at + 20))).toString('latin1')));
        at = end + 1;
      }
    }
    if (used.size > MAX_USED) fail(begin, `expected at most ${MAX_USED} values used again, found more`);
  }
}
