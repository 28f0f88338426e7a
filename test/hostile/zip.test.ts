// Archives from strangers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readTorch } from '../../src/formats/torch';
import { bytes, entries, refuses, tensorFile, torch, u32, u64, withEntries } from './make';

test('archives that are not what torch.save writes', async () => {
  const zip = await import('yazl');
  const deflated = new zip.ZipFile();
  deflated.addBuffer(Buffer.alloc(100_000_000), 'archive/data/0', { compress: true });
  deflated.addBuffer(Buffer.from(entries.get('archive/data.pkl') as Uint8Array), 'archive/data.pkl', {
    compress: false,
  });
  deflated.end();
  const parts: Buffer[] = [];
  for await (const part of deflated.outputStream) parts.push(part as Buffer);
  await refuses('a zip bomb', torch(new Uint8Array(Buffer.concat(parts))), 'archive/data/0', 'compression 8');

  await refuses('no storage', torch(await withEntries({ 'archive/data/0': null })), 'archive/data/0, found none');
  await refuses(
    'a short storage',
    torch(await withEntries({ 'archive/data/0': new Uint8Array(20) })),
    'expected 24 bytes',
  );
  await refuses('big-endian', torch(await withEntries({ 'archive/byteorder': bytes('big') })), 'little-endian', 'big');
  await refuses('TorchScript', torch(await withEntries({ 'archive/constants.pkl': bytes('N.') })), 'TorchScript');
  await refuses('two pickles', torch(await withEntries({ 'other/data.pkl': bytes('N.') })), 'one data.pkl');
  await refuses(
    'no pickle',
    torch(await withEntries({ 'archive/data.pkl': null })),
    'a data.pkl in a folder',
    'archive/data/0',
  );

  const data = Buffer.from(entries.get('archive/data/0') as Uint8Array);
  const damaged = tensorFile.slice();
  damaged[Buffer.from(tensorFile).indexOf(data) + 1] ^= 1;
  await refuses('another byte', torch(damaged), 'archive/data/0', 'checksum');

  const rename = (file: Uint8Array, to: string): Uint8Array =>
    new Uint8Array(Buffer.from(Buffer.from(file).toString('latin1').replaceAll('archive/version', to), 'latin1'));
  const two = await withEntries({ 'archive/data/0x': bytes('x') });
  await refuses('a path upwards', torch(rename(tensorFile, '../../../../ver')), 'bad.pth', '../');
  await refuses('an absolute path', torch(rename(tensorFile, '/rchive/version')), 'bad.pth', '/rchive');
  await refuses('an entry twice', torch(rename(two, 'archive/data/0x')), 'archive/data/0x', 'twice');
  await refuses('a plain pickle', torch(bytes(0x80, 4, 'N.')), 'byte 0', 'a plain pickle');
  await refuses('no file of torch.save', torch(bytes('sys_info', new Uint8Array(600))), 'byte 0');
});

test('an archive whose parts contradict each other', async () => {
  const good = Buffer.from(tensorFile);
  const central = good.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  const end = good.length - 22;
  const version = good.indexOf('archive/version');
  const change = (at: number, ...to: number[]): Uint8Array => {
    const copy = new Uint8Array(good);
    copy.set(to, at);
    return copy;
  };
  await refuses('another name in the local header', torch(change(version, 0x62)), 'name of the directory', 'brchive');
  await refuses('other flags', torch(change(6, good[6] ^ 2)), 'flags of the directory');
  await refuses('another size', torch(change(22, good[22] ^ 1)), 'size of the directory');
  await refuses('another compression', torch(change(8, 8)), 'compression of the directory');
  await refuses(
    'another size in the directory',
    torch(change(central + 24, good[central + 24] + 1)),
    'archive/data.pkl',
  );
  await refuses('two end records', torch(bytes(good, good.subarray(end))), 'whole zip archive');
  await refuses(
    'an end record in a comment',
    torch(bytes(change(end + 20, 22), good.subarray(end))),
    'whole zip archive',
  );
  await refuses('data before', torch(bytes(good.subarray(0, 30), good)), 'bad.pth');
  await refuses('data behind', torch(bytes(good, 'x')), 'last 22 bytes');
  const between = bytes(good.subarray(0, central), 'hidden', good.subarray(central));
  new DataView(between.buffer).setUint32(end + 6 + 16, central + 6, true);
  await refuses('data between', torch(between), 'bytes of nothing');
  const wide = (entries: number): Uint8Array => {
    const [count, size, at] = [good.readUInt16LE(end + 10), good.readUInt32LE(end + 12), good.readUInt32LE(end + 16)];
    const end64 = bytes(
      'PK\x06\x06',
      u64(44n),
      45,
      0,
      45,
      0,
      u32(0),
      u32(0),
      u64(BigInt(entries)),
      u64(BigInt(count + entries - count)),
      u64(BigInt(size)),
      u64(BigInt(at)),
    );
    return bytes(good.subarray(0, end), end64, 'PK\x06\x07', u32(0), u64(BigInt(end)), u32(1), good.subarray(end));
  };
  const count = good.readUInt16LE(end + 10);
  assert.ok(await readTorch(wide(count), 'zip64'), 'zip64 records that agree are read');
  await refuses('zip64 that differs', torch(wide(count + 1)), 'the same in both end records');
});

test.run();
