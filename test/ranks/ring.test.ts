// Who is found dead, stopped or late by the beats of ranks, with a clock and messages of the test's own.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Library, Words } from '../../src/ranks/library';
import { COURSE, Ring } from '../../src/ranks/ring';

/** Ranks whose messages arrive at once, and their clock. */
function ringOf(size: number) {
  let now = 0;
  const mail = Array.from({ length: size }, () => [] as Int32Array[]);
  const open = new Map<object, { rank: number; into: Words }>();
  const rings = mail.map((_, rank) => {
    const library = {
      send: (words: Words, to: number) => {
        mail[to].push(Int32Array.from(words));
        return {};
      },
      receive: (into: Words) => {
        const pending = {};
        open.set(pending, { rank, into });
        return pending;
      },
      test: (pending: object) => {
        const awaited = open.get(pending);
        const beat = awaited && mail[awaited.rank].shift();
        if (awaited && beat) awaited.into.set(beat);
        return !awaited || beat !== undefined;
      },
    };
    return new Ring(library as unknown as Library, rank, size, () => now);
  });
  const calls = new Array(size).fill(0);
  const waited = new Array(size).fill(0);
  return {
    rings,
    calls,
    /** For so many seconds all look twenty times a second, but those that are away. */
    pass(seconds: number, away: readonly number[] = [], limit = 600_000) {
      for (const end = now + 1000 * seconds; now < end; now += 50)
        for (const [rank, ring] of rings.entries()) {
          if (away.includes(rank)) continue;
          waited[rank] = calls[rank] > Math.min(...calls) ? waited[rank] + 50 : 0;
          ring.look({ calls: calls[rank], waited: waited[rank], limit });
        }
    },
  };
}
const courses = (rings: readonly Ring[]): number[] => rings.map(({ news }) => news.course);

test('who is silent for 10 s is lost, and all others hear of it within 15', () => {
  for (const size of [2, 3, 5]) {
    const { rings, pass } = ringOf(size);
    pass(60);
    assert.equal(courses(rings), new Array(size).fill(COURSE.well));
    pass(8.9, [1]);
    assert.equal(courses(rings), new Array(size).fill(COURSE.well));
    pass(3, [1]);
    const others = rings.filter((_, rank) => rank !== 1);
    for (const { news } of others) assert.equal(news, { course: COURSE.lost, rank: 1, seconds: 10 });
    assert.equal(
      others.map(({ found }) => found),
      others.map((ring) => ring === rings[2 % size]),
    );
  }
});

test('all that sleep, as with a laptop, blame nobody', () => {
  const { rings, pass } = ringOf(3);
  pass(5);
  pass(100, [0, 1, 2]);
  pass(20);
  assert.equal(courses(rings), [0, 0, 0]);
  // One that was away for a little, too.
  pass(8, [2]);
  pass(20);
  assert.equal(courses(rings), [0, 0, 0]);
});

test('who lives and stays behind is late, once the others have waited as long as they may', () => {
  const { rings, calls, pass } = ringOf(4);
  calls.splice(0, 4, 7, 7, 7, 6);
  pass(100, [], 120_000);
  assert.equal(courses(rings), [0, 0, 0, 0]);
  pass(22, [], 120_000);
  for (const { news } of rings) assert.equal(news, { course: COURSE.late, rank: 3, seconds: 120 });
});

test('worse news take the place of better, from whomever, and never the other way', () => {
  const { rings, pass } = ringOf(3);
  const { well, failing, late, lost } = COURSE;
  assert.equal(rings[0].news, { course: well, rank: 0, seconds: 0 });
  for (const [at, course] of [failing, late, lost].entries()) {
    rings[at].find(course, at, 1499);
    pass(3);
    for (const { news } of rings) assert.equal(news, { course, rank: at, seconds: 1 });
    for (const ring of rings) ring.find(failing, 2, 60_000);
    assert.equal(courses(rings), [course, course, course]);
  }
});

test('who fails is known to all, and who is lost meanwhile; the last beats leave nothing under way', () => {
  const { rings, pass } = ringOf(4);
  pass(3);
  rings[2].find(COURSE.failing, 2);
  pass(1);
  for (const { news } of rings) assert.equal(news, { course: COURSE.failing, rank: 2, seconds: 0 });
  for (const ring of rings.slice(0, 3)) ring.end();
  pass(0.5);
  assert.equal(
    rings.map((ring) => ring.isOver),
    [false, true, true, false],
  );
  rings[3].end();
  pass(0.5);
  assert.ok(rings.every((ring) => ring.isOver));
  pass(30);
  assert.equal(courses(rings), [1, 1, 1, 1]);
});

test.run();
