// .npy files as NumPy writes them: a number or a text in an array without axes, or float64 numbers.

const npy = (descr: string, shape: string, data: Uint8Array): Buffer => {
  const header = `${`{'descr': '${descr}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117)}\n`;
  const before = Buffer.from('\x93NUMPY\x01\x00', 'latin1');
  return Buffer.concat([before, Uint8Array.of(header.length & 255, header.length >> 8), Buffer.from(header), data]);
};

export const textNpy = (text: string, units = text.length): Buffer =>
  npy(
    `<U${units}`,
    '()',
    new Uint8Array(Uint32Array.from({ length: units }, (_, i) => text.codePointAt(i) ?? 0).buffer),
  );

export const numberNpy = (value: number): Buffer => npy('<f8', '()', new Uint8Array(Float64Array.of(value).buffer));

export const intNpy = (value: number): Buffer => npy('<i4', '()', new Uint8Array(Int32Array.of(value).buffer));

export const listNpy = (values: readonly number[], shape = `(${values.length},)`): Buffer =>
  npy('<f8', shape, new Uint8Array(Float64Array.from(values).buffer));

/** 68 points whose eyes are level, 40 and 80 pixels from the left, `down` from the top. */
export const level = (down = 60): number[] => Array.from({ length: 68 }, (_, i) => [i < 42 ? 40 : 80, down]).flat();
