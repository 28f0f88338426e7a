// Checkpoints from strangers.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readCheckpoint, readTorch, type TorchTensor, writeTorchTensor } from '../../src/formats/torch';
import { readZip, writeZip } from '../../src/formats/torch/zip';
import {
  bytes,
  changed,
  patched,
  refuses,
  SIZES,
  STRIDES,
  survives,
  text,
  torch,
  truncated,
  u32,
  withEntries,
} from './make';

test('a list that gave a tensor its sizes cannot change them later', async () => {
  const list = bytes(']q', 99, 'K', 2, 'aK', 3, 'a');
  const grown = Buffer.from(patched(SIZES, list));
  const data = bytes(grown.subarray(0, -1), 'h', 99, 'J', u32(1e9), 'a0.');
  const value = await readTorch(await withEntries({ 'archive/data.pkl': data }), 'x.pth');
  assert.equal((value as TorchTensor).read().shape, [2, 3]);
});

test('one tensor under a hundred thousand names is not read a hundred thousand times', async () => {
  const big = await writeTorchTensor({ shape: [1_000_000], data: new Float32Array(1_000_000) });
  const inner = Buffer.from((await readZip(big, 'big')).get('archive/data.pkl') as Uint8Array);
  const tensor = inner.subarray(2, -1);
  const names = Array.from({ length: 1000 }, (_, i) => bytes(text(`a.${i}`), 'j', u32(7)));
  const data = bytes(0x80, 2, tensor, 'r', u32(7), '0}(', ...names, 'u.');
  const file = await writeZip(new Map([...(await readZip(big, 'big')), ['archive/data.pkl', data]]));
  await refuses('a thousand', () => readCheckpoint(file, 'bad.pth'), 'bad.pth: expected tensors of at most');
});

for (const name of ['tiny_zip.pth', 'tiny_legacy.pth']) {
  test(`${name}: cut at every byte, and damaged`, async () => {
    const file = new Uint8Array(readFileSync(`test/golden/checkpoints/${name}`));
    const look = (part: Uint8Array) => readCheckpoint(part, 'damaged');
    assert.is(await survives(name, look, truncated(file)), file.length, 'each cut is seen');
    await survives(name, look, changed(file, 1000));
  });
}

test('tensors that lie about their storage', async () => {
  const lies: Record<string, [Uint8Array, string]> = {
    'more rows': [patched(SIZES, bytes('K', 3, 'K', 3, 0x86)), 'within its storage'],
    'larger strides': [patched(STRIDES, bytes('K', 9, 'K', 1, 0x86)), 'within its storage'],
    'sizes of 2^52': [patched(SIZES, bytes(0x8a, 7, 0, 0, 0, 0, 0, 0, 16, 'K', 3, 0x86)), 'within its storage'],
    'a negative stride': [patched(STRIDES, bytes('J', u32(0xffffffff), 'K', 1, 0x86)), 'sizes and strides from 0'],
    'a size that is a text': [patched(SIZES, bytes(text('2'), 'K', 3, 0x86)), 'sizes and strides'],
    'one size, two strides': [patched(SIZES, bytes('K', 2, 0x85)), 'sizes and strides'],
    '10^12 elements by strides of 0': [
      patched(bytes(SIZES), bytes('J', u32(1e6), 'J', u32(1e6), 0x86)),
      'within its storage',
    ],
    'no storage class': [patched(bytes('FloatStorage'), bytes('GloatStorage')), 'torch.GloatStorage'],
  };
  for (const [name, [data, word]] of Object.entries(lies)) {
    await refuses(
      name,
      torch(await withEntries({ 'archive/data.pkl': data })),
      'bad.pth: archive/data.pkl: byte ',
      word,
    );
  }
  const expanded = Buffer.from(patched(SIZES, bytes('J', u32(1e6), 'J', u32(1e6), 0x86)));
  const zeros = bytes('K', 0, 'K', 0, 0x86);
  const strides = expanded.indexOf(STRIDES);
  const bomb = bytes(expanded.subarray(0, strides), zeros, expanded.subarray(strides + STRIDES.length));
  await refuses('strides of 0', torch(await withEntries({ 'archive/data.pkl': bomb })), 'expected tensors of at most');
});

test('legacy files that are not what torch.save writes', async () => {
  const legacy = readFileSync('test/golden/checkpoints/tiny_legacy.pth');
  const replaced = (from: Uint8Array, to: Uint8Array): Uint8Array => {
    const where = legacy.indexOf(from);
    assert.ok(where >= 0);
    return bytes(legacy.subarray(0, where), to, legacy.subarray(where + from.length));
  };
  const little = new Uint8Array(legacy);
  // The name, its memo entry (2 bytes), then True.
  little[legacy.indexOf('little_endian') + 'little_endian'.length + 2] = 0x89;
  await refuses('big-endian', torch(little), 'little_endian', 'False');
  await refuses(
    'another protocol',
    torch(replaced(bytes('M', 0xe9, 3, '.'), bytes('M', 0xea, 3, '.'))),
    'protocol 1001',
  );
  await refuses('what follows', torch(bytes(legacy, 'x')), 'further bytes');
});

test.run();
