// `npm run fuzz` in short: files of each format, damaged at random by a fixed seed, and files of made-up content.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { attempt, type Target } from './target';
import { TARGETS } from './targets';

const test = suite('fuzz');
const SEED = 1;
/** Cases of a target, and of those that take milliseconds each: through files, threads or libvips. */
const [CASES, SLOW_CASES] = [1500, 100];
const SLOW = new Set(
  'csv picture_list npy_layout folders affwild2 kept embedding adjacency jpeg picture animation run'.split(' '),
);

const change = fc.record({
  how: fc.constantFrom('set', 'flip', 'fill', 'cut', 'insert', 'copy'),
  at: fc.nat(),
  value: fc.constantFrom(...Array(256).keys()),
  length: fc.integer({ min: 1, max: 16 }),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

/** One of the files, changed in some places. */
const damaged = (files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(fc.constantFrom(...files), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([file, changes]) => changes.reduce(changed, file));

function changed(file: Uint8Array, { how, at, value, length }: Change): Uint8Array {
  const copy = Array.from(file);
  const place = at % (copy.length + 1);
  if (how === 'set') copy[Math.min(place, copy.length)] = value;
  else if (how === 'flip') copy[Math.max(0, place - 1)] ^= 1 << (value % 8);
  else if (how === 'fill') copy.fill(value & 1 ? 255 : 0, place, place + length);
  else if (how === 'cut') copy.splice(place, value & 1 ? length : copy.length);
  else if (how === 'insert') copy.splice(place, 0, ...Array(length).fill(value));
  else copy.splice(place, 0, ...copy.slice(value, value + length));
  return Uint8Array.from(copy);
}

for (const [name, load] of Object.entries(TARGETS))
  test(name, async () => {
    const { target } = await load();
    const files = await target.seeds();
    assert.ok(await anyIsRead(target, files), `one of ${files.length} files is read`);
    const numRuns = SLOW.has(name) ? SLOW_CASES : CASES;
    const survives = async (bytes: Uint8Array) => void (await attempt(target, bytes));
    await fc.assert(fc.asyncProperty(damaged(files), survives), { seed: SEED, numRuns });
    if (target.made)
      await fc.assert(
        fc.asyncProperty(target.made, (bytes) => attempt(target, bytes)),
        { seed: SEED, numRuns: numRuns / 10 },
      );
  });

async function anyIsRead(target: Target, files: readonly Uint8Array[]): Promise<boolean> {
  let read = false;
  for (const bytes of files) read = (await attempt(target, bytes)) || read;
  return read;
}

test.run();
