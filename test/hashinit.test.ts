import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { bits, crc32, integers, parameter, uniform } from './hashinit';

// The vectors of test/golden/README.md, made by hashinit.py.
const VECTORS: [string, number, number, number[], number[]][] = [
  ['', 0, 0, [0, 2462723854, 1020716019, 454327756], [-1, 0.1467951536178589]],
  ['input', 0, 3626513111, [188906796, 2961133824, 112128139, 1884324970], [-0.9120334386825562, 0.3788853883743286]],
  [
    'features.conv0.weight',
    0,
    3035953342,
    [887613851, 3682057259, 1099367019, 4167654444],
    [-0.5866726636886597, 0.7145915031433105],
  ],
  [
    'features.conv0.weight',
    777,
    3035954103,
    [367279514, 3496072932, 1335525644, 2970823],
    [-0.8289722204208374, 0.6279857158660889],
  ],
  ['é', 1, 235179327, [646655609, 3075952603, 1527951362, 5709317], [-0.6988775730133057, 0.4323519468307495]],
];

test("the filler gives the Python's numbers", () => {
  for (const [name, salt, key, h, u] of VECTORS) {
    assert.is((crc32(name) ^ salt) >>> 0, key, name);
    assert.equal([...bits(name, 4, salt)], h, name);
    assert.equal([...uniform(name, 2, salt)], u, name);
  }
  assert.is(bits('input', 1 << 20, 0)[(1 << 20) - 1], 2234723265);
  assert.equal([...uniform('q', 3, 7, 0.4, 1)], [0.6377824544906616, 1.283035159111023, 0.6890922784805298]);
  assert.equal(integers('labels', 8, 7, 7), [1, 6, 0, 1, 2, 6, 5, 4]);
  assert.equal(integers('q', 3, 4294967295, 7), [6, 1, 3]);
});

test('state-dict entries are filled by name and shape', () => {
  const heads: [string, number[], number, number[]][] = [
    ['a.weight', [3, 2, 3, 3], 0, [-0.08544591069221497, -0.1903439164161682, 0.5600311160087585]],
    ['gc1.weight', [6, 4], 0, [-0.32741618156433105, -0.3358080983161926, -0.19753390550613403]],
    ['n.weight', [5], 0, [1.0821233987808228, 1.0053211450576782, 0.914050281047821]],
    ['n.bias', [4], 0, [0.07257187366485596, -0.017378831282258034, -0.057393886148929596]],
    ['n.running_mean', [3], 0, [-0.01750659942626953, -0.08831169456243515, -0.07451222091913223]],
    ['n.running_var', [4], 0, [1.1354718208312988, 1.448777198791504, 1.2169549465179443]],
    ['m._a', [1], 0, [0.8549041748046875]],
    ['n.bias', [6], 8, [0.0625, -0.012500000186264515, -0.0625]],
    ['x.running_var', [3], 8, [1.1875, 1.1875, 1.1875]],
    ['n.num_batches_tracked', [], 0, [0]],
  ];
  for (const [name, shape, levels, head] of heads) {
    assert.equal([...parameter(name, shape, 7, levels).subarray(0, 3)], head, `${name} [${shape}]`);
  }
  assert.throws(() => parameter('A', [9, 9], 0), /A \[9,9\]/);
});

test.run();
