// Random problems for every op of src/autograd/ops, forward and backward, against a float64 reference with bounds of its own:
// docs/numerics.md. 16 an op; `npm run test:properties -- [--seed N]`: 256.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CONVOLUTIONS } from './ops/convolutions';
import { IMAGES } from './ops/images';
import { LOSSES } from './ops/losses';
import { MATRIX } from './ops/matrix';
import { NORMS } from './ops/norms';
import { POINTWISE } from './ops/pointwise';
import { SHAPES } from './ops/shapes';
import { WINDOWS } from './ops/windows';
import { WHOLE } from './property';

const test = suite('properties');

const PROPERTIES = {
  ...POINTWISE,
  ...MATRIX,
  ...CONVOLUTIONS,
  ...NORMS,
  ...WINDOWS,
  ...SHAPES,
  ...LOSSES,
  ...IMAGES,
};

/** What ops are given, and what is tried with those that take it. */
const NO_OPS = ['csr', 'csrFromDense', 'labels', 'samePadding'];

const RUNS = WHOLE ? 256 : 16;
const SEED = Number(process.env.SEED || (WHOLE ? Date.now() % 2 ** 31 : 1));
if (WHOLE) console.log(`--seed ${SEED}`);

for (const [name, { check }] of Object.entries(PROPERTIES)) test(name, () => check(RUNS, SEED));

test('every op of src/autograd/ops has its property', () => {
  const index = readFileSync('src/autograd/index.ts', 'utf8');
  const exported = [...index.matchAll(/export \{([^}]*)\} from '\.\/ops\//g)].flatMap(([, names]) => names.split(','));
  const ops = exported.map((name) => name.trim()).filter((name) => name && !name.startsWith('type '));
  assert.equal(Object.keys(PROPERTIES).sort(), ops.filter((name) => !NO_OPS.includes(name)).sort());
});

test.run();
