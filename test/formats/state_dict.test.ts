// Where weights are found in files of other programs: keys, prefixes, averages; and what is refused by their names.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import type { PickleValue } from '../../src/formats/pickle';
import { LIKELY, likeliest, plainNames, saying } from '../../src/formats/state_dict';
import { readCheckpoint, writeTorch } from '../../src/formats/torch';

const test = suite('state dict');

const DENSENET = ['features.conv0.weight', 'features.norm0.weight', 'classifier.weight'];
const BREGNEXT = ['_conv0.weight', '_model.0._layer_stack.0._conv0.weight', '_model.1.weight'];
const SINGLE = [...BREGNEXT, '_fc0.weight'];
const MULTI = [...BREGNEXT, '_fc0.weight'].map((name) => `model.${name}`).concat('fc_cat.weight', 'fc_cont.weight');
const GCN = ['A', ...BREGNEXT.map((name) => `model.${name}`), 'gc1.weight'];

const plain = (names: readonly string[]) => {
  const { state, removed, left } = plainNames(new Map(names.map((name) => [name, name])), 'x.pth');
  return { names: [...state.keys()], removed, left };
};
const behind = (prefix: string, names: readonly string[]): string[] => names.map((name) => prefix + name);

for (const [net, names] of Object.entries({ DENSENET, SINGLE, MULTI, GCN })) {
  test(`${net}: its own names stay, whatever stands before them goes`, () => {
    assert.equal(plain(names), { names, removed: [], left: [] });
    for (const [prefix, ...removed] of [
      ['module.', 'module.'],
      ['module._orig_mod.', 'module.', '_orig_mod.'],
      ['_orig_mod.module.module.', 'module.', '_orig_mod.'],
      ['model.', 'model.'],
      ['_orig_mod.model.module.', 'module.', '_orig_mod.', 'model.'],
      ['module.model.net.', 'module.', 'model.net.'],
      ['net.', 'net.'],
      ['lit.backbone.', 'lit.backbone.'],
    ]) {
      assert.equal(plain(behind(prefix, names)), { names, removed, left: [] }, prefix);
    }
  });
}

test('wrappers of a part of the network go too', () => {
  const { names, removed } = plain(['features.module.conv0.weight', 'features.module.norm0.bias', 'classifier.weight']);
  assert.equal(names, ['features.conv0.weight', 'features.norm0.bias', 'classifier.weight']);
  assert.equal(removed, ['module.']);
  assert.equal(plain(['module.a', 'a']), { names: ['module.a', 'a'], removed: [], left: [] }, 'two names would be one');
  assert.equal(plain(['layer.a', 'layer.b']).names, ['layer.a', 'layer.b'], "another network's names");
});

test('of several places the likeliest: none beyond, then by the list, then other names, then averages', () => {
  const [first, second] = LIKELY;
  const order = [[], [first], [second], [LIKELY.at(-1) as string], ['other'], ['other', 'ema']];
  for (const [i, better] of order.entries())
    for (const worse of order.slice(i + 1)) {
      assert.is(likeliest([better, worse]), 0, `${better} before ${worse}`);
      assert.is(likeliest([worse, better]), 1, `${better} before ${worse}`);
      assert.is(likeliest([worse, better, worse]), 1, `${better} before ${worse}`);
    }
  assert.is(likeliest([['model'], ['model', 'net']]), null, 'two are as likely');
  assert.is(likeliest([['a'], ['b']]), null);
  assert.is(likeliest([]), null);
  for (const average of ['ema', 'model_ema', 'ema_model', 'swa', 'averaged', 'avg2', 'net_shadow'])
    assert.is(likeliest([[average], ['other']]), 1, average);
  for (const none of ['schema', 'emax', 'swap']) assert.is(likeliest([[none], ['other']]), null, none);
});

test('where weights were found is said in words, of many names six', () => {
  const names = 'abcdefgh'.split('');
  assert.is(saying([], [], []), null);
  assert.is(saying(['model_state_dict'], [], []), null);
  assert.is(saying(['a', 'b'], ['module.'], ['x', 'y']), 'under a.b; names without module.; not taken: x, y');
  assert.is(saying([], [], names.slice(0, 6)), 'not taken: a, b, c, d, e, f');
  assert.is(saying([], [], names.slice(0, 7)), 'not taken: a, b, c, d, e, f and 1 more');
  assert.is(saying([], [], names), 'not taken: a, b, c, d, e, f and 2 more');
});

test('what lies beside the network is left out, and an average beside it', () => {
  assert.equal(plain([...behind('model.', DENSENET), 'criterion.weight', 'criterion.bias']), {
    names: DENSENET,
    removed: ['model.'],
    left: ['criterion.'],
  });
  for (const other of ['model_ema.', 'ema.', 'ema_model.', 'swa_model.', 'teacher.']) {
    const { names, left } = plain([...behind(other, DENSENET), ...behind('model.', DENSENET)]);
    assert.equal([names, left], [DENSENET, [other]], other);
  }
  assert.equal(plain(behind('ema.', DENSENET)), { names: DENSENET, removed: ['ema.'], left: [] }, 'there is no other');
  // torch.optim.swa_utils.AveragedModel
  assert.equal(plain(['n_averaged', ...behind('module.', DENSENET)]).left, ['n_averaged']);
  assert.throws(
    () => plain([...behind('teacher.', DENSENET), ...behind('student.', DENSENET)]),
    (e: Error) => e instanceof InputError && /^x\.pth: .*several.*teacher\., student\./.test(e.message),
  );
});

test("names as torchvision's first files have them", () => {
  const old = [
    'module.features.denseblock1.denselayer2.norm.1.weight',
    'features.denseblock4.denselayer16.conv.2.weight',
  ];
  assert.equal(plain(old).names, [
    'features.denseblock1.denselayer2.norm1.weight',
    'features.denseblock4.denselayer16.conv2.weight',
  ]);
});

/** A file of torch.save: T stands for a tensor; a list of names for a state dict of such. */
const T = Symbol();
type Content =
  | typeof T
  | number
  | string
  | null
  | readonly string[]
  | Map<PickleValue, PickleValue>
  | { [key: string]: Content };
const read = async (content: Content) => {
  const file = await writeTorch((tensor) => {
    const one = () => tensor({ shape: [1], data: Float32Array.of(1) });
    const build = (c: Content): PickleValue => {
      if (c === T) return one();
      if (Array.isArray(c)) return new Map(c.map((name: string) => [name, one()]));
      if (typeof c !== 'object' || c === null || c instanceof Map) return c as PickleValue;
      return new Map(Object.entries(c).map(([key, value]) => [key, build(value)]));
    };
    return build(content);
  });
  return readCheckpoint(file, 'x.pth');
};

const OPTIMIZER = new Map<PickleValue, PickleValue>([
  ['state', new Map()],
  [
    'param_groups',
    [
      new Map<PickleValue, PickleValue>([
        ['lr', 0.25],
        ['momentum', 0.5],
        ['dampening', 0],
        ['params', [0, 1, 2]],
      ]),
    ],
  ],
]);

for (const [found, content] of [
  [null, DENSENET],
  [null, { epoch: 3, model_state_dict: DENSENET, optimizer_state_dict: OPTIMIZER }],
  ['under state_dict', { state_dict: DENSENET, epoch: 3 }],
  [
    'under state_dict; names without model.',
    { state_dict: behind('model.', DENSENET), callbacks: { stop: { best: T } } },
  ],
  ['under model', { model: DENSENET, epoch: 3, optimizer: OPTIMIZER }],
  ['under net; names without module.', { net: behind('module.', DENSENET), acc: 61, epoch: 3 }],
  ['under checkpoint.network', { checkpoint: { network: DENSENET, opt: OPTIMIZER } }],
  ['under whatever', { whatever: DENSENET, epoch: 3 }],
  ['under model; not taken: model_ema', { model_ema: DENSENET, model: DENSENET }],
  ['under state_dict; not taken: state_dict_ema', { state_dict_ema: DENSENET, state_dict: DENSENET }],
  ['under model_ema; names without module.', { model_ema: behind('module.', DENSENET), epoch: 3 }],
  ['under ema.shadow', { ema: { shadow: DENSENET, decay: 0.99 } }],
  ['under netG', { netG: DENSENET, netD: ['conv.weight', 'conv.bias'] }],
  ['under model', { model: DENSENET, scaler: { scale: T, growth: 2 }, criterion: { weight: T } }],
] as [string | null, Content][]) {
  test(`found: ${found ?? 'as the original has them, or bare'}`, async () => {
    const checkpoint = await read(content);
    assert.equal([...checkpoint.state.keys()], DENSENET);
    assert.is(checkpoint.found, found);
  });
}

test('the optimizer under any key', async () => {
  const all: Content[] = [
    { model: DENSENET, epoch: 3, optimizer: OPTIMIZER },
    { model: DENSENET, epoch: 3, optim: OPTIMIZER },
  ];
  for (const content of all) {
    const { optimizer, epoch } = await read(content);
    assert.is(epoch, 3);
    assert.equal(optimizer?.().settings, { lr: 0.25, momentum: 0.5 });
  }
  assert.is((await read({ model: DENSENET, a: OPTIMIZER, b: OPTIMIZER })).optimizer, null);
});

for (const [words, content] of [
  [['netG', 'netD'], { netG: ['a.weight'], netD: ['b.weight'], epoch: 3 }],
  [['model.G', 'model.D'], { model: { G: DENSENET, D: DENSENET } }],
  [['only epoch, lr'], { epoch: 3, lr: 0.1 }],
  [['only optimizer'], { optimizer: OPTIMIZER }],
  [['expected a tensor as b.weight, found the number 3'], { state_dict: { 'a.weight': T, 'b.weight': 3 } }],
  [['teacher., student.'], { state_dict: [...behind('teacher.', DENSENET), ...behind('student.', DENSENET)] }],
] as [string[], Content][]) {
  test(`refused by name: ${words}`, async () => {
    const error = await read(content).then(
      () => assert.unreachable(),
      (e: unknown) => e,
    );
    assert.instance(error, InputError);
    for (const word of ['x.pth: ', ...words]) assert.ok((error as Error).message.includes(word), `${error}: ${word}`);
  });
}

test.run();
