// Safetensors files from strangers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/formats/safetensors';
import { header, refuses } from './make';

test('safetensors: a long text, many entries, and headers that make much of little', async () => {
  /** A header of so many bytes. */
  const long = (length: number) => header(`{"__metadata__":{"note":"${'x'.repeat(length - 28)}"}}`);
  assert.is(readSafetensors(long(2 ** 24), 'long').metadata.note.length, 2 ** 24 - 28);
  const escaped = header(`{"__metadata__":{"note":"${'\\\\\\"'.repeat(2 ** 19)}"}}`);
  assert.is(readSafetensors(escaped, 'escaped').metadata.note.length, 2 ** 20);
  const spent = (count: number): number => {
    const names = Array.from({ length: count }, (_, i) => `"w${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
    const file = header(`{${names.join()}}`);
    const start = process.cpuUsage();
    assert.is(readSafetensors(file, 'many').tensors.size, count);
    return process.cpuUsage(start).user / count;
  };
  spent(10_000);
  const [few, many] = [spent(10_000), spent(100_000)];
  assert.ok(many < 8 * few + 20, `${few} and ${many} µs an entry`); // quadratic time would be 10 times as long, or far more
  const safetensors = (file: Uint8Array) => () => readSafetensors(file, 'bad.safetensors');
  // With the outer brackets and the name there are three more.
  const values = header(`{"a":[${'1,'.repeat(2_000_000 - 3)}1]}`);
  await refuses('values', safetensors(values), 'for tensor "a"');
  const objects = header(`{"a":[${'{},'.repeat((2_000_001 - 3) / 2)}0]}`);
  await refuses('objects', safetensors(objects), 'expected at most 2000000 objects, names and values');
  const names = header(`{"__metadata__":{${Array.from({ length: 200_001 }, (_, i) => `"${i}":""`).join()}}}`);
  await refuses('names', safetensors(names), 'expected at most 200000 names in an object');
  await refuses('nesting', safetensors(header('['.repeat(1_000_000))), 'nesting');
  await refuses('a header that is a byte longer', safetensors(long(2 ** 24 + 1)), 'a header of at most 16777216 bytes');
});

test.run();
