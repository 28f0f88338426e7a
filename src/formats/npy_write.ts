// NumPy's .npy, version 1.0, as np.save writes it: a text without axes, or a row of float64.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html

/** Elements begin at a multiple of it. */
const ALIGN = 64;

/** The file of `np.save(FILE, VALUE)`, VALUE a text (`<U..`, shape ()) or float64 numbers (shape (N,)). */
export function writeNpy(value: string | Float64Array): Uint8Array {
  const [descr, shape, elements] =
    typeof value === 'string'
      ? [`<U${[...value].length}`, '()', Uint32Array.from(value, (c) => c.codePointAt(0) as number)]
      : ['<f8', `(${value.length},)`, value];
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`;
  const start = Math.ceil((10 + header.length + 1) / ALIGN) * ALIGN;
  const file = new Uint8Array(start + elements.byteLength);
  const text = `\x93NUMPY\x01\0\0\0${header.padEnd(start - 11)}\n`;
  for (let i = 0; i < start; i++) file[i] = text.charCodeAt(i);
  new DataView(file.buffer).setUint16(8, start - 10, true);
  file.set(new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength), start);
  return file;
}
