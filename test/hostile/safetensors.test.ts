// Safetensors files from strangers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors } from '../../src/formats/safetensors';
import { header, refuses } from './make';

test('safetensors: a long text, many entries, and headers that make much of little', async () => {
  const long = header(`{"__metadata__":{"note":"${'x'.repeat(8 * 2 ** 20)}"}}`);
  assert.is(readSafetensors(long, 'long').metadata.note.length, 8 * 2 ** 20);
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
  await refuses('objects', safetensors(header(`{"a":[${'{},'.repeat(4_000_000)}{}]}`)), 'objects, names and values');
  await refuses('nesting', safetensors(header('['.repeat(1_000_000))), 'nesting');
  await refuses('a header of 20 MB', safetensors(header(`{"a":"${'x'.repeat(20_000_000)}"}`)), 'a header of at most');
});

test.run();
