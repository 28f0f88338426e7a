// NumPy's file of one array: 0x93 NUMPY, version, header length, header (a dict literal), elements.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
import { InputError } from '../base/errors';
import { dtype, Ndarray } from './pickle/numpy';
import { quote } from './pickle/values';

const MAGIC = '\x93NUMPY';

/** Bytes before the header in versions 1 to 3. */
const BEFORE = [10, 12, 12];

/** Longest header, as NumPy's own reader has it. */
const MAX_HEADER = 10_000;

/** What a header may say, in this order or another; Python 2 wrote sizes as `3L`. */
const ENTRY =
  /\s*(['"])(descr|fortran_order|shape)\1\s*:\s*('[^'\\]*'|"[^"\\]*"|True|False|\([\s\dL,]*\)|[[(].*\])\s*(,|$)/sy;

const KEYS = ['descr', 'fortran_order', 'shape'] as const;

const ELEMENTS = 'booleans, integers, floats or text';

/**
 * Reads a whole `.npy` file, of versions 1 to 3, either byte order and either order of axes. Safe on files from strangers: the header is parsed as
 * a literal, and sizes are believed where the file has as many bytes.
 * @param file name for messages
 * @returns the array, whose elements lie in `bytes`
 * @throws InputError naming the file, the byte, what was expected and what was found; of objects (which NumPy pickles) and structures always
 */
export function readNpy(bytes: Uint8Array, file = 'npy data'): Ndarray {
  const fail = (at: number, expected: string, found: string): never => {
    throw new InputError(`${file}: byte ${at}: expected ${expected}, found ${found}`);
  };
  if (bytes.length < 10 || latin1(bytes, 0, 6) !== MAGIC)
    fail(
      0,
      "a file of NumPy's save (\\x93NUMPY)",
      bytes.length < 10 ? `${bytes.length} bytes` : quote(latin1(bytes, 0, 6)),
    );
  const [version, minor] = [bytes[6], bytes[7]];
  if (version < 1 || version > 3 || minor !== 0) fail(6, 'version 1.0, 2.0 or 3.0', `${version}.${minor}`);
  const begin = BEFORE[version - 1];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < begin) fail(8, 'the length of a header', 'the end of the file');
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > bytes.length - begin)
    fail(8, `a header of at most ${bytes.length - begin} bytes (the rest)`, `${length}`);
  if (length > MAX_HEADER) fail(8, `a header of at most ${MAX_HEADER} bytes`, `${length}`);
  const start = begin + length;
  const { descr, fortran_order, shape } = parseHeader(latin1(bytes, begin, start), (expected, found) =>
    fail(begin, expected, found),
  );
  if (!/^['"]/.test(descr)) fail(begin, ELEMENTS, `a structured array, ${quote(descr)}`);
  const type = descr.slice(1, -1);
  if (/^[|=<>]?O/.test(type)) fail(begin, ELEMENTS, 'an array of objects: pickled; save it as numbers or text');
  if (!/^(True|False)$/.test(fortran_order)) fail(begin, 'fortran_order True or False', quote(fortran_order));
  if (!/^\(\s*(\d+L?\s*,\s*)*(\d+L?\s*)?\)$/.test(shape)) fail(begin, 'a shape of whole numbers from 0', quote(shape));
  const sizes = Object.freeze((shape.match(/\d+/g) ?? []).map(Number));
  try {
    return new Ndarray().fill(sizes, dtype(type), fortran_order === 'True', bytes.subarray(start), () => {});
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    throw new InputError(`${file}: byte ${/ for an array /.test(error.message) ? start : begin}: ${error.message}`);
  }
}

/** The literals of the header's entries, as they stand there. */
function parseHeader(
  text: string,
  fail: (expected: string, found: string) => never,
): Record<(typeof KEYS)[number], string> {
  const inner = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1].trimEnd() ?? fail('a dict as header', quote(text.trimEnd()));
  const found: Record<string, string> = {};
  for (ENTRY.lastIndex = 0; ENTRY.lastIndex < inner.length; ) {
    const at = ENTRY.lastIndex;
    const entry =
      ENTRY.exec(inner) ?? fail('descr, fortran_order and shape in the header', quote(inner.slice(at).trim()));
    if (entry[2] in found) fail(`${entry[2]} once in the header`, 'it twice');
    found[entry[2]] = entry[3];
  }
  for (const key of KEYS) if (!(key in found)) fail(`${key} in the header`, quote(text.trimEnd()));
  return found;
}

const latin1 = ({ buffer, byteOffset }: Uint8Array, begin: number, end: number): string =>
  Buffer.from(buffer, byteOffset + begin, end - begin).toString('latin1');
