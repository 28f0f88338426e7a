// What ranks tell each other beside numbers, and what they must have alike.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { fromFirst, ofAll, sameOnAll } from '../../src/ranks/agree';
import { sharedDevices } from '../../src/ranks/devices';
import { ALONE, type Ranks } from '../../src/ranks/ranks';
import { runTogether } from './together';

const test = suite('agree');

/** What each rank comes to: its value, or the words of its error. */
const onAll = async <T>(size: number, work: (ranks: Ranks) => Promise<T>): Promise<(T | string)[]> =>
  (await runTogether(size, work)).map((r) => (r.status === 'fulfilled' ? r.value : (r.reason as Error).message));

test('all ranks get what each has, in rank order; or what rank 0 has, whatever theirs is', async () => {
  const own = ({ rank }: Ranks) => ({ rank, big: 2n ** 70n, list: Float32Array.of(rank, -1.5) });
  const wanted = [0, 1, 2].map((rank) => own({ rank } as Ranks));
  assert.equal(await onAll(3, (ranks) => ofAll(ranks, own(ranks))), [wanted, wanted, wanted]);
  assert.equal(await onAll(3, (ranks) => fromFirst(ranks, ranks.rank * 10 + 7)), [7, 7, 7]);
  assert.equal(await onAll(3, (ranks) => fromFirst(ranks, ranks.rank === 0 ? null : 1)), [null, null, null]);
  // What the others have is not looked at: it may be what cannot be told.
  const some = await onAll(3, (ranks) => fromFirst<unknown>(ranks, ranks.rank === 0 ? 'a' : () => {}));
  assert.equal(some, ['a', 'a', 'a']);
});

test('a process alone asks nobody', async () => {
  const nobody: Ranks = { ...ALONE, gather: () => assert.unreachable() as never };
  const own = { a: 1 };
  assert.is((await ofAll(nobody, own))[0], own);
  assert.is(await fromFirst(nobody, own), own);
  await sameOnAll(nobody, { a: '1' });
});

test('the first that differs is named on all ranks: by its rank, and what both have', async () => {
  const asked = [
    { seed: '1', data: 'a' },
    { seed: '1', data: 'a' },
    { seed: '1', data: 'a' },
  ] as Record<string, string>[];
  const cases: [change: (own: Record<string, string>[]) => void, words: RegExp | null][] = [
    [() => {}, null],
    [(own) => (own[1].seed = '2'), /^rank 1 differs: seed is 2, rank 0 has 1; start all ranks with the same/],
    [(own) => (own[2].data = 'b'), /^rank 2 differs: data is b, rank 0 has a; /],
    [(own) => (own[2] = { seed: '1' }), /^rank 2 differs: data is nothing, rank 0 has a; /],
    [(own) => (own[1].tiles = 'x'), /^rank 1 differs: tiles is x, rank 0 has nothing; /],
    [(own) => (own[0].tiles = 'x'), /^rank 1 differs: tiles is nothing, rank 0 has x; /],
  ];
  for (const [change, words] of cases) {
    const own = structuredClone(asked);
    change(own);
    const ends = await runTogether(3, (ranks) => sameOnAll(ranks, own[ranks.rank]));
    for (const end of ends) {
      if (!words) assert.is(end.status, 'fulfilled');
      else {
        const { reason } = end as PromiseRejectedResult;
        assert.match(reason.message, words);
      }
    }
    if (words) assert.ok(ends.some((e) => (e as PromiseRejectedResult).reason instanceof InputError));
  }
});

test('ranks on one card are named, each card once', async () => {
  const card = process.env.DRI_PRIME;
  delete process.env.DRI_PRIME;
  const names = ['A', 'B', 'A', 'C', 'B'];
  const device = (rank: number) => ({
    device: `id ${names[rank]}`,
    description: names[rank] === 'C' ? '' : names[rank],
  });
  const shared = (size: number) => onAll(size, (ranks) => sharedDevices(ranks, device(ranks.rank)));
  try {
    const lines = (await shared(5)) as string[][];
    assert.is(lines[0].length, 2);
    assert.match(lines[0][0], /^ranks 0, 2 share one device: A, on \S+$/);
    assert.match(lines[0][1], /^ranks 1, 4 share one device: B, on \S+$/);
    assert.equal(await shared(2), [[], []]);
    process.env.DRI_PRIME = '1';
    assert.match(((await shared(3)) as string[][])[1][0], /^ranks 0, 2 share one device: A \(1\), on \S+$/);
  } finally {
    if (card === undefined) delete process.env.DRI_PRIME;
    else process.env.DRI_PRIME = card;
  }
});

test.run();
