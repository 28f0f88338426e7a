// Balanced sampling.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { balancedOrder } from '../../src/data/loader';
import { labelled } from './labelled';

/** 1,000 samples: 900 of class 0, 90 of class 2, 10 of class 5. */
const samples = labelled(Array.from({ length: 1000 }, (_, i) => (i % 100 === 0 ? 5 : i % 11 === 3 ? 2 : 0)));
const count = (rows: Iterable<number>) => {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(samples.expressionAt(row), (counts.get(samples.expressionAt(row)) ?? 0) + 1);
  return counts;
};

test('every three places hold every class once', () => {
  const order = balancedOrder(samples, 'balanced/0', 1);
  assert.is(order.length, 1000);
  for (let i = 0; i + 3 <= 1000; i += 3) assert.is(count(order.subarray(i, i + 3)).size, 3, `place ${i}`);
});

test('all of a class come before any of them comes again, and each comes as often as the others within one', () => {
  const order = [...balancedOrder(samples, 'balanced/0', 1)];
  const rare = order.filter((row) => samples.expressionAt(row) === 5);
  assert.is(new Set(rare.slice(0, 10)).size, 10);
  const times = [...new Set(rare)].map((row) => rare.filter((r) => r === row).length);
  assert.ok(Math.max(...times) - Math.min(...times) <= 1, `${times}`);
  const frequent = order.filter((row) => samples.expressionAt(row) === 0);
  assert.is(new Set(frequent).size, frequent.length);
});

test('the same for the same epoch and seed, another for another; in random order', () => {
  const order = balancedOrder(samples, 'balanced/0', 1);
  assert.equal(balancedOrder(samples, 'balanced/0', 1), order);
  assert.not.equal(balancedOrder(samples, 'balanced/1', 1), order);
  assert.not.equal(balancedOrder(samples, 'balanced/0', 2), order);
  // The class of the first of three: a third each of 333 draws; five standard deviations of a binomial count are 43.
  const firsts = count(order.filter((_, i) => i % 3 === 0));
  for (const n of firsts.values()) assert.ok(Math.abs(n - 111) < 43, `${[...firsts]}`);
});

test.run();
