// The hash of tensors on the device: the numbers of the formula, wherever tensors lie and however it is launched.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Device, Storage } from '../../src/device';
import { type Hashed, hash, planOf } from '../../src/kernels/hash';
import { device } from '../gpu';
import { bits } from '../hashinit';
import { reference } from './hash_reference';

const test = suite('hash');

/** Memory of `words` with other numbers all around. */
function memoryWith(parts: readonly (readonly [at: number, words: Uint32Array])[], size: number): Storage {
  const all = bits('what lies around', size, 1);
  for (const [at, words] of parts) all.set(words, at);
  const memory = device.alloc(4 * size, 'hashed');
  device.upload(memory, all);
  return memory;
}

async function hashed(tensors: readonly Hashed[], of: Device = device): Promise<number[]> {
  const plan = planOf(tensors);
  const [pieces, into] = [device.alloc(plan.pieces.byteLength, 'pieces'), device.alloc(8, 'hash')];
  device.upload(pieces, plan.pieces);
  hash(of, plan, pieces, into);
  return [...new Uint32Array(await device.read(into))];
}

const SIZES = [1, 3, 63, 64, 65, 1023, 1024, 1025, 5000];

test('tensors of all sizes give the numbers of the formula, wherever they lie, in one memory or several', async () => {
  const contents = SIZES.map((n) => [`tensor ${n}`, bits(`words ${n}`, n, 0)] as const);
  const wanted = reference(contents);
  const apart = contents.map(([name, words]): Hashed => {
    const word = words.length % 7;
    return {
      name,
      memory: memoryWith([[word, words]], word + words.length + 5),
      word,
      words: words.length,
      taps: null,
    };
  });
  assert.equal(await hashed(apart), wanted);
  assert.equal(await hashed([...apart].reverse()), wanted);
  let at = 0;
  const places = contents.map(([, words]) => {
    const place = at;
    at += Math.ceil(words.length / 64) * 64;
    return place;
  });
  const memory = memoryWith(
    contents.map(([, words], i) => [places[i], words]),
    at,
  );
  const together = apart.map((tensor, i): Hashed => ({ ...tensor, memory, word: places[i] }));
  assert.equal(await hashed(together), wanted);
  // As many lanes as drivers of the other kind have.
  const other = Object.create(device, { software: { value: !device.software } }) as Device;
  assert.equal(await hashed(together, other), wanted);
});

test('a convolution’s weights count in the order of their shape', async () => {
  const [outputs, inputs, taps] = [6, 5, 9];
  const words = bits('weights', outputs * inputs * taps, 0);
  const lying = words.slice();
  for (let o = 0; o < outputs; o++)
    for (let i = 0; i < inputs; i++)
      for (let t = 0; t < taps; t++) lying[(t * inputs + i) * outputs + o] = words[(o * inputs + i) * taps + t];
  const of = { name: 'weight', memory: memoryWith([[0, lying]], 300), word: 0, words: words.length };
  assert.equal(await hashed([{ ...of, taps: [outputs, inputs, taps] }]), reference([['weight', words]]));
});

test('any bit, two words exchanged, another name and another length each give another hash', async () => {
  const words = bits('words', 100, 0);
  const one = (name: string, words: Uint32Array) =>
    hashed([{ name, memory: memoryWith([[0, words]], words.length), word: 0, words: words.length, taps: null }]);
  const changed = (change: (w: Uint32Array) => void) => {
    const copy = words.slice();
    change(copy);
    return one('a', copy);
  };
  const found = [await one('a', words), await one('b', words), await one('a', Uint32Array.of(...words, 0))];
  for (const bit of [0, 13, 31]) found.push(await changed((w) => w.set([w[70] ^ (1 << bit)], 70)));
  found.push(await changed((w) => w.set([w[4], w[3]], 3)));
  // 0 and -0, and numbers that are none with other bits.
  for (const special of [0, 0x80000000, 0x7fc00000, 0x7fc00001, 0xffffffff])
    found.push(await changed((w) => w.set([special], 50)));
  const [a, b] = [0, 1].map((k) => new Set(found.map((hash) => hash[k])).size);
  assert.equal([a, b], [found.length, found.length]);
});

test.run();
