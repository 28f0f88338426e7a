import { createHash } from 'node:crypto';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { readSafetensors, writeSafetensors } from '../../src/formats/safetensors';

/** A file of this header text and this many zero bytes of data. */
function file(header: string, dataBytes: number, claimed?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const out = new Uint8Array(8 + text.length + dataBytes);
  new DataView(out.buffer).setBigUint64(0, claimed ?? BigInt(text.length), true);
  out.set(text, 8);
  return out;
}

const one = (entry: string, dataBytes: number) => file(`{"w":${entry}}`, dataBytes);

function refuses(bytes: Uint8Array, ...words: string[]) {
  try {
    readSafetensors(bytes, 'bad.safetensors');
  } catch (error) {
    assert.instance(error, InputError);
    const { message } = error as InputError;
    for (const word of ['bad.safetensors', 'byte ', 'expected', 'found', ...words]) {
      assert.ok(message.includes(word), `"${message}" says "${word}"`);
    }
    return;
  }
  assert.unreachable(`was read: ${words.join(' ')}`);
}

test('what is written is read back, bit for bit and in order', () => {
  const metadata = { op: 'é', 'attr.kernel': '[1,2]' };
  const tensors = {
    bytes: { shape: [3], data: Uint8Array.of(0, 128, 255) },
    odd: { shape: [1, 2], data: Float32Array.of(1.5, -0) },
    'a.b': { shape: [2], data: Float64Array.of(Math.PI, Number.NEGATIVE_INFINITY) },
    big: { shape: [2], data: BigInt64Array.of(-(2n ** 63n), 7n) },
    int: { shape: [], data: Int32Array.of(-5) },
    none: { shape: [4, 0], data: new Float32Array(0) },
  };
  const back = readSafetensors(writeSafetensors(tensors, metadata));
  assert.equal(back.metadata, metadata);
  assert.equal([...back.tensors.keys()], Object.keys(tensors));
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const got = back.tensors.get(name)!;
    assert.equal(got.shape, shape);
    assert.equal(got.data, data, name);
  }
  assert.equal([...back.tensors.values()].map((t) => t.dtype).join(' '), 'U8 F32 F64 I64 I32 F32');
});

test('the bytes are those of the format', () => {
  const text = '{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const got = writeSafetensors(new Map([['w', { shape: [1], data: Float32Array.of(1) }]]), { k: 'v' });
  const padded = text.padEnd(Math.ceil(text.length / 8) * 8);
  assert.equal([...got.subarray(0, 8)], [padded.length, 0, 0, 0, 0, 0, 0, 0]);
  assert.is(new TextDecoder().decode(got.subarray(8, -4)), padded);
  assert.equal([...got.subarray(-4)], [0, 0, 0x80, 0x3f]);
});

test('without metadata there is no entry for them', () => {
  assert.is(new TextDecoder().decode(writeSafetensors({}).subarray(8)), '{}      ');
});

test('a header nested without end is refused, and not spelt out', () => {
  refuses(one(`${'['.repeat(200_000)}${']'.repeat(200_000)}`, 0), 'byte 8: expected nesting of at most 32, found more');
  const nested = (depth: number) => file('['.repeat(depth) + ']'.repeat(depth), 0);
  refuses(nested(33), 'nesting of at most 32');
  refuses(nested(32), 'a JSON object as header');
});

test('small dtypes are widened without loss', () => {
  const bytes = file(
    '{"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},' +
      '"s":{"dtype":"I16","shape":[2],"data_offsets":[12,16]},"i":{"dtype":"I8","shape":[2],"data_offsets":[16,18]},' +
      '"t":{"dtype":"BOOL","shape":[3],"data_offsets":[18,21]}}',
    21,
  );
  new Uint16Array([0x3c00, 0x8001, 0xfbff, 0x7c00, 0x3f80, 0xc2f7, 0x7fff, 0x8000]).forEach((v, i) => {
    new DataView(bytes.buffer, bytes.length - 21).setUint16(2 * i, v, true);
  });
  bytes.set([0xff, 0x7f, 0, 1, 1], bytes.length - 5);
  const { tensors } = readSafetensors(bytes);
  assert.equal(tensors.get('h')!.data, Float32Array.of(1, -(2 ** -24), -65504, Number.POSITIVE_INFINITY));
  assert.equal(tensors.get('b')!.data, Float32Array.of(1, -123.5));
  assert.equal(tensors.get('s')!.data, Int32Array.of(32767, -32768));
  assert.equal(tensors.get('i')!.data, Int32Array.of(-1, 127));
  assert.equal(tensors.get('t')!.data, Uint8Array.of(0, 1, 1));
});

test('small dtypes may grow by 128 MiB in all', () => {
  // I8 grows by three times its bytes; F16, BF16 and I16 by as many as they have; the others by none.
  const stored = { F64: 80, F32: 80, I64: 80, I32: 80, U8: 80, BOOL: 80, I8: (2 ** 27 - 80) / 3, F16: 20, BF16: 24 };
  const sizes = { F64: 8, F32: 4, I64: 8, I32: 4, U8: 1, BOOL: 1, I8: 1, F16: 2, BF16: 2, I16: 2 };
  let at = 0;
  const entries = Object.entries({ ...stored, I16: 38 }).map(([dtype, length]) => {
    at += length;
    const shape = length / sizes[dtype as keyof typeof sizes];
    return `"${dtype}":{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${at - length},${at}]}`;
  });
  refuses(file(`{${entries.join()}}`, at), 'grow by at most 134217728 bytes', 'found 134217730');
});

test('a file at any position of a larger buffer is read', () => {
  const bytes = writeSafetensors({ w: { shape: [2], data: Float32Array.of(3, 4) } });
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  assert.equal(readSafetensors(shifted.subarray(3)).tensors.get('w')!.data, Float32Array.of(3, 4));
});

test('a name like __proto__ is a name', () => {
  const bytes = one('{"dtype":"U8","shape":[1],"data_offsets":[0,1]}', 1);
  const text = new TextDecoder().decode(bytes).replace('"w"', '"__proto__"');
  const head = text.slice(8, -1);
  assert.ok(readSafetensors(file(head, 1)).tensors.has('__proto__'));
});

test('a sealed file is read, and refused with any byte changed or without its checksum', () => {
  const tensors = { w: { shape: [2], data: Float32Array.of(3, 4) } };
  const sealed = writeSafetensors(tensors, { k: 'v' }, { sealed: true });
  const { metadata } = readSafetensors(sealed, 'good', { sealed: true });
  const zeros = `sha256:${'0'.repeat(64)}`;
  const at = new TextDecoder('latin1').decode(sealed).indexOf(metadata.checksum);
  const open = sealed.slice();
  open.set(new TextEncoder().encode(zeros), at);
  assert.equal(metadata, { k: 'v', checksum: `sha256:${createHash('sha256').update(open).digest('hex')}` });
  for (let i = 0; i < sealed.length; i++) {
    const changed = sealed.slice();
    changed[i] ^= 1;
    assert.throws(
      () => readSafetensors(changed, 'bad', { sealed: true }),
      (e: Error) => e instanceof InputError,
    );
    if (i >= sealed.length - 8) assert.throws(() => readSafetensors(changed, 'bad'), /bad: damaged, or changed since/);
  }
  const plain = writeSafetensors(tensors, { k: 'v' });
  assert.is(readSafetensors(plain).metadata.checksum, undefined);
  assert.throws(() => readSafetensors(plain, 'bad', { sealed: true }), /bad: expected a checksum in its metadata/);
});

test('files that lie about their lengths are refused', () => {
  refuses(new Uint8Array(0), 'a file of 0 bytes');
  refuses(new Uint8Array(7), 'a file of 7 bytes');
  refuses(file('{}', 0, 3n), 'at most 2', '3');
  refuses(file('{}', 0, 2n ** 63n + 5n), 'at most 2', '9223372036854775813');
  const whole = writeSafetensors({ w: { shape: [2], data: Float32Array.of(3, 4) } });
  for (let n = 0; n < whole.length; n++) refuses(whole.subarray(0, n));
});

test('headers that are no header are refused', () => {
  refuses(file('', 0), 'JSON');
  refuses(file('{"w":', 0), 'JSON');
  refuses(file('[]', 0), 'JSON object');
  refuses(file('null', 0), 'JSON object');
  refuses(file('{"__metadata__":{"a":1}}', 0), '__metadata__ "a"');
  refuses(file('{"__metadata__":[]}', 0), '__metadata__');
  refuses(file('{"w":[]}', 0), '"w"', 'dtype');
  const broken = file('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}', 0);
  broken[10] = 0xff;
  refuses(broken, 'JSON header');
});

test('a name that stands twice is refused, whether spelled alike or not', () => {
  const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  refuses(file(`{"w":${entry},"w":${entry}}`, 0), '"w" twice');
  refuses(file(`{"w":${entry},"\\u0077" : ${entry}}`, 0), '"w" twice');
  refuses(file(`{"w" \n\r\t:${entry},"w"\t\r\n :${entry}}`, 0), '"w" twice');
  // Names that end in backslashes, or have quotes in them.
  for (const name of ['\\\\', '\\\\\\\\', '\\"', '\\\\\\"', 'a\\"b', '']) {
    refuses(file(`{"${name}":${entry},"${name}":${entry}}`, 0), `"${name}" twice`);
    refuses(file(`{"a":{"k":"${name}"},"a":["${name}"]}`, 0), '"a" twice');
  }
  const long = 'x'.repeat(100);
  refuses(file(`{"${long}":1,"${long}":1}`, 0), `"${long}" twice`);
  refuses(file(`{"${long}y":1,"${long}y":1}`, 0), `"${long}…" twice`);
  refuses(file('{"w":{"dtype":"U8","dtype":"F32","shape":[0],"data_offsets":[0,0]}}', 0), '"dtype" twice');
  assert.is(readSafetensors(file(`{"__metadata__":{"a":"{\\"w\\":","w":"a"},"w":${entry}}`, 0)).tensors.size, 1);
});

test('tensors that cannot be are refused', () => {
  refuses(one('{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}', 1), 'dtype', '"Q4"');
  refuses(one('{"dtype":"constructor","shape":[1],"data_offsets":[0,1]}', 1), 'dtype');
  refuses(one('{"shape":[1],"data_offsets":[0,1]}', 1), 'dtype', 'nothing');
  for (const shape of ['[-1]', '[1.5]', '["1"]', '[1e300]', '{}', 'null']) {
    refuses(one(`{"dtype":"U8","shape":${shape},"data_offsets":[0,1]}`, 1), 'shape');
  }
  refuses(one('{"dtype":"F32","shape":[9007199254740991,9007199254740991],"data_offsets":[0,4]}', 4), '"w"', '4');
  refuses(one('{"dtype":"F32","shape":[2],"data_offsets":[0,4]}', 4), '8 bytes', '4');
  for (const offsets of ['[0]', '[0,4,8]', '[4,0]', '[0,8]', '[-4,0]', '[0,4.5]', '"0,4"']) {
    refuses(one(`{"dtype":"F32","shape":[1],"data_offsets":${offsets}}`, 4), 'data_offsets');
  }
});

test('what is found is shown to 100 characters, lists and objects by their length', () => {
  const shown = (name: string, value: string): RegExp | string => {
    try {
      readSafetensors(file(`{"${name}":${value}}`, 0));
    } catch (error) {
      return (error as Error).message.split(' for tensor ')[1];
    }
    return '';
  };
  const [whole, long] = ['x'.repeat(98), 'x'.repeat(99)];
  assert.is(shown('w', `"${whole}"`), `"w", found "${whole}"`);
  assert.is(shown(long, '7'), `"${long}…, found 7`);
  assert.is(shown('w', '{"dtype":"U8","shape":[1,"a"]}'), '"w", found a list of 2');
  assert.is(shown('w', '{"dtype":"U8","shape":[1,-2]}'), '"w", found [1,-2]');
  assert.is(shown('w', '{"dtype":"U8","shape":{"a":1,"b":2}}'), '"w", found an object of 2');
});

test('overlaps, holes and left-over bytes are refused', () => {
  const two = (a: string, b: string, n: number) =>
    file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":${a}},"b":{"dtype":"U8","shape":[4],"data_offsets":${b}}}`, n);
  refuses(two('[0,4]', '[2,6]', 6), '"b"', '"a"');
  refuses(two('[0,4]', '[0,4]', 4), 'data offset 4', 'data offset 0');
  refuses(two('[0,4]', '[5,9]', 9), '"b"', 'data offset 5');
  refuses(two('[1,5]', '[5,9]', 9), '"a"', 'the header');
  refuses(two('[0,4]', '[4,8]', 10), '2 further bytes');
  assert.is(readSafetensors(two('[4,8]', '[0,4]', 8)).tensors.size, 2);
  const none = '"none":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
  const some = '"some":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}';
  for (const header of [`{${none},${some}}`, `{${some},${none}}`])
    assert.is(readSafetensors(file(header, 4)).tensors.size, 2);
});

test('a shape that does not fit its data is not written', () => {
  assert.throws(() => writeSafetensors({ w: { shape: [3], data: new Float32Array(2) } }), /"w".*3.*\[3\].*2/);
});

test.run();
