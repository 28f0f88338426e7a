// Splits that divide no group: nobody stands on both sides, and both sides are as much alike as whole groups allow.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { randomStream, randomUniform } from '../../src/base/random';
import { type Sample, Samples } from '../../src/data/sample_columns';
import { groupsOf, sharedGroups, splitGroups } from '../../src/data/split';

const CLASSES = 7;

/** Faces of people, each with a share of her own of every class. */
function people(n: number, most: number, seed: number): Samples {
  const draw = randomStream('people', seed);
  let k = 0;
  const next = () => randomUniform(draw, k++);
  const list: Sample[] = [];
  for (let person = 0; person < n; person++) {
    const taste = Math.floor(next() * CLASSES);
    for (let faces = 1 + Math.floor(next() ** 3 * most); faces > 0; faces--) {
      const expression = next() < 0.5 ? taste : Math.floor(next() * CLASSES);
      const image = `folder ${person % 10}/${list.length}.jpg`;
      list.push({ image, where: '', expression, valence: 0, arousal: 0, pose: null, group: `person ${person}` });
    }
  }
  // The order of a file that knows nothing of people.
  const keys = list.map(() => next());
  return Samples.of([...list.keys()].sort((a, b) => keys[a] - keys[b]).map((i) => list[i]));
}

const counts = (samples: Samples): number[] =>
  samples.map((s) => s.expression).reduce((all, c) => all.with(c, all[c] + 1), new Array<number>(CLASSES).fill(0));
const images = (samples: Samples): string[] => samples.map((s) => s.image);

test('no group is in both parts, nothing is lost, the order stays, each class is near the fraction', () => {
  for (const [n, most, fraction] of [
    [200, 30, 0.1],
    [60, 100, 0.25],
    [500, 4, 0.1],
    [40, 40, 0.5],
  ]) {
    const all = people(n, most, n);
    const groups = groupsOf(all, 'subject');
    const { train, val } = splitGroups(all, fraction, 3, groups);
    assert.equal(sharedGroups(groupsOf(train, 'subject'), groupsOf(val, 'subject')), []);
    assert.equal(new Set([...images(train), ...images(val)]), new Set(images(all)));
    assert.is(train.length + val.length, all.length);
    const places = images(all);
    for (const part of [train, val]) {
      const at = images(part).map((image) => places.indexOf(image));
      assert.ok(at.every((place, i) => i === 0 || place > at[i - 1]));
    }
    // Whole groups of any taste: of all within 2 %, of a class within 8 % of what is wanted.
    assert.ok(Math.abs(val.length / all.length - fraction) < 0.02, `${val.length} of ${all.length}`);
    counts(all).forEach((total, c) => {
      const share = counts(val)[c] / total;
      assert.ok(Math.abs(share - fraction) < 0.08, `class ${c}: ${share} of ${total}, wanted ${fraction}`);
    });
  }
});

test('the same seed gives the same split, whatever the names of the groups; another seed another', () => {
  const all = people(100, 10, 1);
  const renamed = Samples.of(all.map((s) => ({ ...s, group: `${s.group} or so` })));
  const val = (of: Samples, seed: number) => images(splitGroups(of, 0.2, seed, groupsOf(of, 'subject')).val);
  assert.equal(val(all, 5), val(all, 5));
  assert.equal(val(renamed, 5), val(all, 5));
  assert.not.equal(val(all, 6), val(all, 5));
});

test('by the folder of the picture', () => {
  const all = people(50, 10, 2);
  const groups = groupsOf(all, 'folder');
  assert.equal(
    [...groups.names].sort(),
    [...Array(10).keys()].map((i) => `folder ${i}`),
  );
  const { train, val } = splitGroups(all, 0.3, 0, groups);
  const folders = (of: Samples) => new Set(images(of).map((image) => image.split('/')[0]));
  assert.ok(folders(val).size > 0);
  for (const folder of folders(val)) assert.not(folders(train).has(folder));
});

test('groups that are the classes are refused', () => {
  const sample = (i: number) => ({
    image: `${i % 3}/${i}.jpg`,
    expression: i % 3,
    where: '',
    valence: 0,
    arousal: 0,
    pose: null,
    group: null,
  });
  const all = Samples.of(Array.from({ length: 30 }, (_, i) => sample(i)));
  assert.throws(
    () => splitGroups(all, 0.1, 0, groupsOf(all, 'folder')),
    /--split_by folder: each group is a class \(0, 1, 2/,
  );
});

test('neither part is empty where there are two groups, one alone is refused', () => {
  const pair = people(2, 20, 3);
  for (const fraction of [0.01, 0.1, 0.9, 0.99]) {
    const { train, val } = splitGroups(pair, fraction, 0, groupsOf(pair, 'subject'));
    assert.ok(train.length > 0 && val.length > 0);
  }
  const one = people(1, 20, 4);
  assert.throws(
    () => splitGroups(one, 0.1, 0, groupsOf(one, 'subject')),
    /leaves \d+ for training and 0 for validation; .* another --split_by \(by subject it is 1 group\)/,
  );
});

test.run();
