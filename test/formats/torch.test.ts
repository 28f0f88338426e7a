import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { OrderedDict, type PickleValue, PyObject, tuple } from '../../src/formats/pickle';
import { PersistentId, PyGlobal } from '../../src/formats/pickle/values';
import { readSafetensors, type StoredTensor } from '../../src/formats/safetensors';
import {
  isTorch,
  readCheckpoint,
  readTorch,
  readTorchTensor,
  type TorchTensor,
  writeCheckpoint,
  writeTorch,
  writeTorchTensor,
} from '../../src/formats/torch';
import { givenShared, SHARED } from '../given';

type Complete = Parameters<typeof writeCheckpoint>[0]['optimizer'];

const FOLDER = 'test/golden/checkpoints';
const tensorsOf = (file: string) => readSafetensors(readFileSync(file), file).tensors;

for (const name of ['tiny_zip', 'tiny_legacy']) {
  test(`every dtype, views, nested values: ${name}`, async () => {
    const value = await readTorch(readFileSync(`${FOLDER}/${name}.pth`), name);
    const file = value as Map<string, unknown>;
    assert.is(file.get('epoch'), 3);
    assert.is(file.get('name'), 'tést');
    assert.equal(
      file.get('nested'),
      new Map<unknown, unknown>([
        ['list', [1, 2.5, null, true, [1, 2]]],
        [7, 'seven'],
      ]),
    );
    const state = file.get('model_state_dict') as Map<string, TorchTensor>;
    const truth = tensorsOf(`${FOLDER}/tiny.safetensors`);
    assert.equal([...state.keys()].sort(), [...truth.keys()].sort());
    for (const [key, tensor] of state) {
      const { shape, data } = tensor.read();
      const expected = truth.get(key) as StoredTensor;
      assert.equal(shape, key === 'scalar' ? [] : expected.shape, key);
      assert.equal(Array.from(data, Number), Array.from(expected.data, Number), key);
    }
    assert.is(
      state.get('matrix')?.storage.bytes.data?.byteOffset,
      state.get('transposed')?.storage.bytes.data?.byteOffset,
    );
  });
}

test('the legacy format is known by its magic number, in a frame from protocol 4 on', () => {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e];
  for (const head of [
    [0x80, 2],
    [0x80, 3],
    [0x80, 4, 0x95, 13, 0, 0, 0, 0, 0, 0, 0],
  ]) {
    assert.ok(isTorch(Uint8Array.from([...head, ...magic])), String(head));
    assert.not.ok(isTorch(Uint8Array.from([...head, ...magic.toReversed()])), String(head));
  }
});

for (const name of ['emb_zip', 'emb_legacy']) {
  test(`word vectors: ${name}`, async () => {
    const { shape, data } = await readTorchTensor(readFileSync(`test/golden/pickles/${name}.pkl`), name);
    assert.equal(shape, [9, 300]);
    const other = await readTorchTensor(await writeTorchTensor({ shape, data }), 'written');
    assert.equal(other, { dtype: 'F32', shape, data });
    assert.equal(data, tensorsOf('test/golden/data/glove_embedding.safetensors').get('emb')?.data);
  });
}

for (const [name, packed] of [
  ['emotion_gcn_bregnext', 'emotion_gcn_bregnext_zip.pth.gz'],
  ['emotion_gcn_densenet', 'emotion_gcn_densenet_legacy.pth.gz'],
]) {
  givenShared(test, `reference/checkpoints/${packed}`)(`a whole checkpoint: ${packed}`, async () => {
    const path = `${SHARED}/reference/checkpoints/${packed}`;
    const { tensors, metadata } = readSafetensors(readFileSync(`${FOLDER}/${name}.safetensors`), name);
    const { epoch, state, optimizer: read } = await readCheckpoint(gunzipSync(readFileSync(path)), packed);
    assert.is(epoch, 4);
    assert.equal([...state.keys()], JSON.parse(metadata.names));
    sameSums([...state.values()], tensors.get('sum'), tensors.get('norm'));
    const optimizer = read?.();
    assert.ok(optimizer);
    assert.equal([...optimizer.state.keys()], JSON.parse(metadata.momentum_indices));
    sameSums(
      [...optimizer.state.values()].map(({ momentum }) => momentum),
      tensors.get('momentum.sum'),
      tensors.get('momentum.norm'),
    );
    assert.equal(optimizer.settings, { lr: 0.001, initial_lr: 0.001, momentum: 0.9, weight_decay: 0.001 });

    const written = await writeCheckpoint({ epoch: 4, state, optimizer: optimizer as Complete });
    const again = await readCheckpoint(written, 'written');
    assert.equal(again.optimizer?.().settings, optimizer.settings);
    const rewritten = await writeCheckpoint({
      epoch: 4,
      state: again.state,
      optimizer: again.optimizer?.() as Complete,
    });
    assert.ok(Buffer.from(rewritten).equals(written), 'the same bytes again');
  });
}

/** Sums and norms are added up in another order than PyTorch's: 1e-9 of the norm (of doubles). */
function sameSums(tensors: StoredTensor[], sums?: StoredTensor, norms?: StoredTensor) {
  for (const [i, { data }] of tensors.entries()) {
    let [sum, squares] = [0, 0];
    for (const value of data) {
      sum += Number(value);
      squares += Number(value) ** 2;
    }
    const norm = Math.sqrt(squares);
    assert.ok(Math.abs(norm - Number(norms?.data[i])) <= 1e-9 * norm, `norm of tensor ${i}`);
    assert.ok(Math.abs(sum - Number(sums?.data[i])) <= 1e-9 * norm * Math.sqrt(data.length), `sum of tensor ${i}`);
  }
}

test("another optimizer's state hinders who goes on with it, not who wants the weights", async () => {
  const file = await writeTorch((tensor) => {
    const weight = tensor({ shape: [2], data: Float32Array.of(1, 2) });
    const adam = new Map<PickleValue, PickleValue>([
      ['state', new Map([[0, new Map([['exp_avg', weight]])]])],
      ['param_groups', [new Map([['params', [0]]])]],
    ]);
    return new Map<PickleValue, PickleValue>([
      ['state_dict', new Map([['module.w', weight]])],
      ['optimizer_state_dict', adam],
    ]);
  });
  const { state, epoch, optimizer } = await readCheckpoint(file, 'adam.pth');
  assert.equal(state, new Map([['w', { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) }]]));
  assert.is(epoch, null);
  assert.throws(
    () => optimizer?.(),
    /adam.pth: expected the settings of SGD, Adam or AdamW in param_groups .*, found nothing/,
  );
});

/** Reads the optimizer of a file with these settings of two parameters, of which the second has this state. */
async function optimizerOf(settings: Record<string, PickleValue>, state: Record<string, PickleValue | number[]>) {
  const file = await writeTorch((tensor) => {
    const weight = tensor({ shape: [2], data: Float32Array.of(1, 2) });
    const kept = Object.entries(state).map(([name, v]): [string, PickleValue] => [
      name,
      Array.isArray(v)
        ? tensor({ shape: v.length === 1 ? [] : [v.length], data: Float32Array.from(v as number[]) })
        : (v as PickleValue),
    ]);
    const group = new Map<PickleValue, PickleValue>([...Object.entries(settings), ['params', [0, 1]]]);
    const optimizer = new Map<PickleValue, PickleValue>([
      ['state', new Map([[1, new Map(kept)]])],
      ['param_groups', [group]],
    ]);
    return new Map<PickleValue, PickleValue>([
      ['epoch', 1],
      ['model_state_dict', new Map([['w', weight]])],
      ['optimizer_state_dict', optimizer],
    ]);
  });
  const read = (await readCheckpoint(file, 'o.pth')).optimizer;
  assert.ok(read);
  return read;
}

const ADAM = { lr: 0.1, betas: tuple(0.5, 0.75), eps: 1e-6, weight_decay: 0.25, amsgrad: false };
const MOVED = { step: [3], exp_avg: [1, 2], exp_avg_sq: [3, 4] };

test('the state of Adam and AdamW, read and written', async () => {
  const flag = { decoupled_weight_decay: true };
  for (const [settings, state, decoupled] of [
    [ADAM, MOVED, null],
    [{ ...ADAM, ...flag, maximize: false, foreach: null }, MOVED, true],
    // Until PyTorch 1.11.
    [ADAM, { ...MOVED, step: 3 }, null],
  ] as const) {
    const read = (await optimizerOf(settings, state as never))();
    const { kind, parameters } = read;
    assert.equal([kind, read.decoupled, parameters], ['adam', decoupled, 2]);
    assert.equal(read.settings, { lr: 0.1, betas: [0.5, 0.75], eps: 1e-6, weight_decay: 0.25 });
    const kept = read.state.get(1) ?? {};
    const numbers = Object.entries(kept).map(([name, { shape, data }]) => [name, shape, Array.from(data, Number)]);
    assert.equal(numbers, [
      ['step', [], [3]],
      ['exp_avg', [2], [1, 2]],
      ['exp_avg_sq', [2], [3, 4]],
    ]);
    assert.not(read.state.has(0));

    const weights = new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]);
    const again = { ...read, settings: { ...read.settings, initial_lr: 1 } };
    const file = await writeCheckpoint({ epoch: 1, state: weights, optimizer: again as Complete });
    assert.equal((await readCheckpoint(file, 'again')).optimizer?.(), again);
  }
});

test('the state of SGD, read and written', async () => {
  const settings = { lr: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0.25, nesterov: false };
  const read = (await optimizerOf(settings as never, { momentum_buffer: [1, 2] } as never))();
  assert.equal([read.kind, read.parameters, [...read.state.keys()]], ['sgd', 2, [1]]);
  assert.equal(read.settings, { lr: 0.1, momentum: 0.9, weight_decay: 0.25 });
  assert.equal(Array.from(read.state.get(1)?.momentum.data ?? [], Number), [1, 2]);
  const weights = new Map([['w', { shape: [2], data: Float32Array.of(1, 2) }]]);
  const again = { ...read, settings: { ...read.settings, initial_lr: 1 } };
  const file = await writeCheckpoint({ epoch: 1, state: weights, optimizer: again as Complete });
  assert.equal((await readCheckpoint(file, 'again')).optimizer?.(), again);
});

test('what changes the rule of an optimizer is refused by name', async () => {
  const sgd = { lr: 0.1, momentum: 0.9, dampening: 0, weight_decay: 0, nesterov: false };
  for (const [settings, state, message] of [
    [{ ...ADAM, amsgrad: true }, MOVED, /an optimizer without amsgrad .*, found True/],
    [{ ...ADAM, maximize: true }, MOVED, /an optimizer without maximize .*, found True/],
    [ADAM, { step: [3], exp_avg: [1, 2] }, /expected the exp_avg_sq of parameter 1, found nothing/],
    [{ ...sgd, nesterov: true }, { momentum_buffer: [1, 2] }, /an optimizer without nesterov .*, found True/],
    [
      { ...sgd, dampening: 0.5 },
      { momentum_buffer: [1, 2] },
      /an optimizer without dampening .*, found the number 0.5/,
    ],
    [{ ...sgd, maximize: true }, { momentum_buffer: [1, 2] }, /an optimizer without maximize/],
    // RMSprop, Adamax, NAdam.
    [
      { lr: 1, momentum: 0.9, alpha: 0.99, eps: 1, centered: false },
      { momentum_buffer: [1, 2] },
      /found the string "lr, momentum, alpha/,
    ],
    [{ lr: 1, betas: tuple(0.9, 0.99), eps: 1, weight_decay: 0 }, MOVED, /the settings of SGD, Adam or AdamW/],
    [{ ...ADAM, momentum_decay: 0.004 }, MOVED, /the settings of SGD, Adam or AdamW/],
  ] as const) {
    const read = await optimizerOf(settings as never, state as never);
    assert.throws(read, (e: Error) => e instanceof InputError && message.test(e.message), `${message}`);
  }
});

/** A call of a function that a file names. */
const call = (name: string, ...args: PickleValue[]): PyObject => new PyObject(name, args, 'call');
/** A class, function or dtype that a file names. */
const named = (name: string): PyGlobal => new PyGlobal(name, () => null);
const PLAIN = { shape: [2], data: Float32Array.of(1, 2) };

for (const [name, build] of [
  ['a Parameter', (t) => call('torch._utils._rebuild_parameter', t, true, new OrderedDict())],
  [
    'a Parameter with attributes',
    (t) => call('torch._utils._rebuild_parameter_with_state', t, true, new OrderedDict(), new Map([['is_bias', true]])),
  ],
  ['a Parameter made anew', (t) => new PyObject('torch.nn.parameter.Parameter', [t, true], 'new')],
  [
    'a tensor with attributes',
    (t) => {
      const { name, args } = t as PyObject;
      const attributes = new Map([['_is_buffer', true]]);
      return call(
        'torch._tensor._rebuild_from_type_v2',
        named(name),
        named('torch.Tensor'),
        tuple(...args),
        attributes,
      );
    },
  ],
  [
    'a Parameter by its class',
    (t) => {
      const args = tuple(t, true, new OrderedDict());
      const build = named('torch._utils._rebuild_parameter');
      return call('torch._tensor._rebuild_from_type_v2', build, named('torch.nn.parameter.Parameter'), args, new Map());
    },
  ],
  ['a tensor over bytes', (t) => overBytes(t as PyObject, 'torch.float32')],
] as [string, (tensor: PickleValue) => PickleValue][]) {
  test(`read as a tensor: ${name}`, async () => {
    const file = await writeTorch((write) => new Map([['state_dict', new Map([['w', build(write(PLAIN))]])]]));
    const { state } = await readCheckpoint(file, 'x.pth');
    assert.equal(state, new Map([['w', { dtype: 'F32', ...PLAIN }]]));
  });
}

/** The tensor of two float32 as PyTorch writes those whose dtype has no class of storages: a storage of bytes, and the dtype. */
function overBytes({ args }: PyObject, dtype: string): PyObject {
  const [tag, , key, place] = (args[0] as PersistentId).id as PickleValue[];
  const bytes = new PersistentId(tuple(tag, named('torch.storage.UntypedStorage'), key, place, 8));
  return call('torch._utils._rebuild_tensor_v3', bytes, ...args.slice(1), named(dtype));
}

test('what training programs put beside the weights is data', async () => {
  const beside: [string, PickleValue][] = [
    ['milestones', call('collections.Counter', new Map([[10, 1]]))],
    ['history', call('collections.defaultdict', named('builtins.list'))],
    ['args', new PyObject('argparse.Namespace')],
    ['device', call('torch.device', 'cuda', 0)],
    ['size', call('torch.Size', tuple(3, 227, 227))],
    ['layout', call('torch.serialization._get_layout', 'torch.strided')],
    ['number', call('builtins.complex', 1, 2)],
    ...['float32', 'bool', 'complex64', 'float8_e4m3fn', 'uint16', 'quint8'].map(
      (name) => [name, named(`torch.${name}`)] as [string, PickleValue],
    ),
  ];
  for (const entry of beside) {
    const file = await writeTorch(
      (write) => new Map<PickleValue, PickleValue>([['state_dict', new Map([['w', write(PLAIN)]])], entry]),
    );
    const value = (await readTorch(file, 'x.pth')) as Map<string, PickleValue>;
    assert.ok(value.get(entry[0]) !== undefined, entry[0]);
    if (entry[0] === 'milestones') assert.equal(value.get('milestones'), new Map([[10, 1]]));
    if (entry[0] === 'size') assert.equal(value.get('size'), [3, 227, 227]);
    assert.is((await readCheckpoint(file, 'x.pth')).state.size, 1, entry[0]);
  }
});

for (const [name, build, word] of [
  ['a sparse tensor', (t) => call('torch._utils._rebuild_sparse_tensor', t), 'torch._utils._rebuild_sparse_tensor'],
  ['a quantised one', (t) => call('torch._utils._rebuild_qtensor', t), 'torch._utils._rebuild_qtensor'],
  ['numbers of 8 bits', (t) => overBytes(t as PyObject, 'torch.float8_e4m3fn'), 'found one of torch.float8_e4m3fn'],
  [
    'a class of its own',
    (t) => subclass(t as PyObject, 'torchvision.tv_tensors.Image'),
    'torchvision.tv_tensors.Image',
  ],
  ['a storage as a class', (t) => subclass(t as PyObject, 'torch.FloatStorage'), 'found torch.FloatStorage'],
  ['what gives no tensor', () => nothing('torch.Size', tuple(tuple(2))), 'found a tuple of 1'],
  ['a dtype that is called', () => call('torch.float32', 1), 'found a call of it'],
  ['a function of torch', () => call('torch.load', 'x'), 'torch.load'],
] as [string, (tensor: PickleValue) => PickleValue, string][]) {
  test(`refused by name: ${name}`, async () => {
    const file = await writeTorch((write) => new Map([['state_dict', new Map([['w', build(write(PLAIN))]])]]));
    const error = await readCheckpoint(file, 'x.pth').then(
      () => assert.unreachable(name),
      (e: unknown) => e,
    );
    assert.instance(error, InputError);
    assert.match((error as Error).message, /^x\.pth: .*byte \d+: /);
    assert.match((error as Error).message, word);
  });
}

function subclass({ name, args }: PyObject, type: string): PyObject {
  return call('torch._tensor._rebuild_from_type_v2', named(name), named(type), tuple(...args), new Map());
}

function nothing(name: string, args: PickleValue): PyObject {
  return call('torch._tensor._rebuild_from_type_v2', named(name), named('torch.Tensor'), args, new Map());
}

test.run();
