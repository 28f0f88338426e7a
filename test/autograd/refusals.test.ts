// What ops, tensors and optimizers refuse: every condition of every check on its own (./refusals).

import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as F from '../../src/autograd';
import { CONVOLUTIONS } from './refusals/convolutions';
import { IMAGES } from './refusals/images';
import { LOSSES } from './refusals/losses';
import { MATRICES } from './refusals/matrices';
import { NORMS } from './refusals/norms';
import { OPTIMIZERS } from './refusals/optimizers';
import { POINTWISE } from './refusals/pointwise';
import { SHAPES } from './refusals/shapes';
import { TENSORS } from './refusals/tensors';
import { parameter } from './refusals/trials';
import { WINDOWS } from './refusals/windows';

const test = suite('refusals');

const OPS = { ...POINTWISE, ...CONVOLUTIONS, ...NORMS, ...WINDOWS, ...SHAPES, ...LOSSES, ...MATRICES, ...IMAGES };

for (const [name, trials] of Object.entries({ ...OPS, ...OPTIMIZERS, ...TENSORS }))
  test(name, async () => {
    for (const trial of trials) await trial();
  });

test('an optimizer that is refused takes no parameter over', () => {
  const p = parameter('p', [3]);
  const first = new F.SGD([p], { lr: 1 });
  for (const options of [{ lr: -1 }, { lr: 1, momentum: -1 }, { lr: 1, nesterov: true }])
    assert.throws(() => new F.SGD([p], options));
  for (const options of [
    { lr: 1, eps: -1 },
    { lr: 1, betas: [0, 1] as const },
  ])
    assert.throws(() => new F.Adam([p], options));
  assert.throws(() => new F.SGD([p, p], { lr: 1 }));
  first.step();
});

test('every op of src/autograd/ops is here', () => {
  const index = readFileSync('src/autograd/index.ts', 'utf8');
  const exported = [...index.matchAll(/export \{([^}]*)\} from '\.\/ops\//g)].flatMap(([, names]) => names.split(','));
  const ops = exported.map((name) => name.trim()).filter((name) => name && !name.startsWith('type '));
  assert.equal(Object.keys(OPS).sort(), ops.filter((name) => name !== 'samePadding').sort());
});

test.run();
