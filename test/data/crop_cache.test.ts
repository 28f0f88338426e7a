// The files of a crop cache: what stands where in them, what is believed, and how its keys are found.
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { BadItems, TooManyBad } from '../../src/data/crops/bad_items';
import { openCropCache } from '../../src/data/crops/crop_cache';
import { KeyFile, KeyTable, readKeys } from '../../src/data/crops/crop_keys';
import { CropPacks, cropKey, fileName, packOf, packWords, recordsOf } from '../../src/data/crops/crop_packs';

const test = suite('crop cache', { dir: '' });
test.before.each((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-crop-cache-'));
});
test.after.each(({ dir }) => rmSync(dir, { recursive: true }));

const SIZE = 2;
const pixels = (n: number): Uint8Array => Uint8Array.from({ length: 3 * SIZE * SIZE }, (_, i) => n + i);
/** Any key, by a number. */
const key = (n: number): Buffer => createHash('sha256').update(String(n)).digest().subarray(0, 16);
const file = (dir: string, kind: 'pack' | 'keys'): string =>
  join(dir, readdirSync(dir).find((name) => name.endsWith(kind)) as string);
const found = (table: KeyTable, n: number): number | undefined => table.find(key(n))?.record;

test('keys and names are those of every version so far: what is kept stays found', () => {
  const content = Uint8Array.of(1, 2, 3);
  const parts = ['18:emotion-gcn crop 1', '8:settings', '3:\x01\x02\x03', '1:\x04'];
  const whole = createHash('sha256').update(parts.join('')).digest();
  assert.equal(cropKey(content, 'settings', Uint8Array.of(4)), whole.subarray(0, 16));
  assert.is(fileName(112, 'ab', 'pack'), 'crops-v1-112-ab.pack');
  for (const pack of ['0123456789abcdef', '00000000ffffffff', 'ffffffff00000001'])
    assert.is(packOf(...packWords(pack)), pack);
});

test('a pack is records of key, digest and pixels; one that is not whole is none, and is mended in its place', ({
  dir,
}) => {
  const packs = new CropPacks(dir, SIZE);
  const places = [0, 1, 2].map((n) => packs.put(key(n), pixels(n)));
  const { pack } = places[0];
  assert.match(pack, /^[0-9a-f]{16}$/);
  assert.equal(
    places,
    [0, 1, 2].map((record) => ({ pack, record })),
  );
  const path = file(dir, 'pack');
  const bytes = readFileSync(path);
  assert.is(bytes.length, 3 * (32 + 12));
  assert.equal(bytes.subarray(44, 60), key(1));
  assert.equal([...bytes.subarray(76, 88)], [...pixels(1)]);
  for (const [n, place] of places.entries()) {
    assert.equal([...(packs.read(place, key(n)) ?? [])], [...pixels(n)]);
    assert.equal([...(packs.read(place) ?? [])], [...pixels(n)]);
    assert.is(packs.read(place, key(n + 1)), null, 'another key');
  }
  assert.is(packs.read({ pack, record: 3 }), null);
  assert.is(packs.read({ pack: '0'.repeat(16), record: 0 }), null, 'a pack that is gone');
  for (let at = 44; at < 88; at++) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    writeFileSync(path, changed);
    assert.is(packs.read(places[1]), null, `byte ${at}`);
    assert.ok(packs.read(places[0]) && packs.read(places[2]), 'the others');
  }
  assert.equal(packs.put(key(1), pixels(1), places[1]), places[1]);
  assert.equal(readFileSync(path), bytes);
  assert.equal(packs.put(key(3), pixels(3), { pack: '0'.repeat(16), record: 0 }), { pack, record: 3 });
  assert.equal([...recordsOf(dir, SIZE)], [[pack, 4]]);
  truncateSync(path, 4 * 44 - 1);
  assert.equal([...recordsOf(dir, SIZE)], [[pack, 3]], 'half a record is none');
  assert.is(packs.read({ pack, record: 3 }), null);
  packs.close();
  const other = new CropPacks(dir, SIZE);
  assert.is.not(other.put(key(9), pixels(9)).pack, pack, 'each writer has a pack of its own');
  other.close();
  assert.equal(
    [recordsOf(dir, SIZE).size, recordsOf(dir, SIZE + 1).size, recordsOf(join(dir, 'none'), SIZE).size],
    [2, 0, 0],
  );
});

test('a cache that is cleared while it is written to begins anew', ({ dir }) => {
  const packs = new CropPacks(join(dir, 'deep'), SIZE);
  const first = packs.put(key(0), pixels(0));
  rmSync(join(dir, 'deep'), { recursive: true });
  const again = packs.put(key(1), pixels(1));
  assert.is(again.record, 0);
  assert.is.not(again.pack, first.pack);
  assert.equal([...(packs.read(again, key(1)) ?? [])], [...pixels(1)]);
  packs.close();
});

test('a table has room for as many keys as it is made for, and finds no others', () => {
  for (const n of [1, 42, 43, 100, 1000]) {
    const table = KeyTable.for(n);
    for (let i = 0; i < n; i++) table.set(key(i), { pack: packOf(i, 7), record: i });
    const seen = new KeyTable(table.memory);
    for (let i = 0; i < n; i++) assert.equal(seen.find(key(i)), { pack: packOf(i, 7), record: i });
    for (let i = n; i < n + 100; i++) assert.is(seen.find(key(i)), undefined);
    assert.ok(table.memory.byteLength <= 32 * Math.max(64, 3 * n), 'no more than twice as long as it must be');
    table.set(key(0), { pack: packOf(1, 2), record: 5 });
    assert.equal(seen.find(key(0)), { pack: packOf(1, 2), record: 5 }, 'told anew');
  }
  const full = KeyTable.for(1);
  for (let i = 0; i < 200; i++) full.set(key(i), { pack: packOf(0, 0), record: i });
  const kept = Array.from({ length: 200 }, (_, i) => found(full, i)).filter((record) => record !== undefined);
  assert.equal(
    kept,
    Array.from({ length: kept.length }, (_, i) => i),
    'the first to come',
  );
  assert.ok(kept.length > 55 && kept.length < 64, `${kept.length} of 64`);
  // Keys that differ in a part alone, at one place of the table.
  const like = KeyTable.for(8);
  const alike = [0, 4, 8, 12].map((at) => {
    const same = Buffer.alloc(16);
    same[at] = at === 0 ? 64 : 1;
    return same;
  });
  for (const [record, one] of alike.entries()) like.set(one, { pack: packOf(0, 0), record });
  assert.equal(
    alike.map((one) => like.find(one)?.record),
    [0, 1, 2, 3],
  );
  assert.is(like.find(Buffer.alloc(16)), undefined);
});

test('keys are read from their files where those are whole, else from the packs', ({ dir }) => {
  const packs = new CropPacks(dir, SIZE);
  const keys = new KeyFile(dir, SIZE);
  const [source, crop] = [(n: number) => 100 + n, (n: number) => n];
  for (let n = 0; n < 3; n++) keys.append(key(source(n)), key(crop(n)), packs.put(key(crop(n)), pixels(n)));
  const { pack } = packs.put(key(3), pixels(3));
  keys.append(key(107), key(7), { pack, record: 4 });
  packs.close();
  const read = () => {
    const table = readKeys(dir, SIZE, 0);
    return [0, 1, 2, 3, 7, 100, 101, 102, 107].map((n) => found(table, n));
  };
  const none = undefined;
  assert.equal(read(), [0, 1, 2, 3, none, 0, 1, 2, none], 'a place behind the end of a pack is none');
  const path = file(dir, 'keys');
  const bytes = readFileSync(path);
  assert.is(bytes.length, 4 * 48);
  const checked = Buffer.concat([Buffer.from('44:'), bytes.subarray(0, 44)]);
  assert.equal(bytes.subarray(44, 48), createHash('sha256').update(checked).digest().subarray(0, 4));
  for (const at of [48, 63, 64, 79, 80, 87, 88, 91, 92, 95]) {
    const changed = Buffer.from(bytes);
    changed[at] ^= 1;
    writeFileSync(path, changed);
    assert.equal(read(), [0, 1, 2, 3, none, 0, none, 2, none], `byte ${at} of a row`);
  }
  writeFileSync(path, bytes.subarray(0, 3 * 48));
  assert.equal(read(), [0, 1, 2, 3, none, 0, 1, 2, none], 'the last row, too');
  writeFileSync(path, bytes.subarray(0, 48 + 47));
  assert.equal(read(), [0, 1, 2, 3, none, 0, none, none, none], 'half a row says nothing');
  rmSync(path);
  assert.equal(read(), [0, 1, 2, 3, none, none, none, none, none]);
  assert.is(found(readKeys(dir, SIZE + 1, 5), 0), none, 'of crops of another size');
  writeFileSync(path, bytes);
  rmSync(file(dir, 'pack'));
  assert.equal(read(), new Array(9).fill(none), 'of a pack that is gone');
});

test('a cache is off, or a folder that is made; one that cannot be is refused with what to do', ({ dir }) => {
  assert.is(openCropCache('off'), null);
  const deep = join(dir, 'a/b');
  assert.is(openCropCache(deep), deep);
  assert.ok(existsSync(deep));
  assert.is(openCropCache(deep), deep);
  writeFileSync(join(dir, 'file'), '');
  assert.throws(
    () => openCropCache(join(dir, 'file/cache')),
    (error: Error) =>
      error instanceof InputError && /cannot be made for the crop cache \(E\w+\); give --cache DIR/.test(error.message),
  );
});

test('as many bad ones are passed over as the fraction allows; of more, twenty are named', () => {
  const item = (n: number) => ({ where: `row ${n}`, image: `${n}.jpg`, reason: 'gone' });
  const few = new BadItems(10, 0.25);
  assert.is(few.most, 2);
  few.add(item(1));
  few.add(item(2));
  assert.throws(
    () => few.add(item(3)),
    (error: Error) =>
      error instanceof TooManyBad &&
      error.message.startsWith('3 of 10 rows and images cannot be used, more than 25 % (--max_bad 0.25):\n  ') &&
      [1, 2, 3].every((n) => error.message.includes(`${n}.jpg`)) &&
      !error.message.includes('more\n'),
  );
  new BadItems(10, 0).add();
  assert.throws(() => new BadItems(10, 0).add(item(1)), /^1 of 10 rows/);
  for (const [n, more] of [
    [20, null],
    [21, '  ... and 1 more'],
    [30, '  ... and 10 more'],
  ] as const)
    assert.throws(
      () => new BadItems(100, 0).add(...Array.from({ length: n }, (_, i) => item(i))),
      (error: Error) => {
        const lines = error.message.split('\n').slice(1, -1);
        return lines.filter((line) => line.includes('.jpg')).length === 20 && lines[20] === (more ?? undefined);
      },
    );
});

test.run();
