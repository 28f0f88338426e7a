// What is written is read by Python itself, and what Python writes now is read here. Needs python3 with torch and pandas.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { asDataFrame, dataFrame, type PickleValue, PyObject, readPickle, writePickle } from '../../src/formats/pickle';
import { Ndarray } from '../../src/formats/pickle/numpy';
import {
  type OptimizerSettings,
  readCheckpoint,
  readTorchTensor,
  writeCheckpoint,
  writeTorchTensor,
} from '../../src/formats/torch';
import { given } from '../given';

const test = suite('python');
const PICKLES = resolve('test/golden/pickles');
const REFERENCE = resolve('../shared/reference');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-python-'));
test.after(() => rmSync(dir, { recursive: true }));

/** The Python that has what the original needs, or undefined. */
const python = ['/usr/bin/python3', 'python3'].find((command) => {
  try {
    execFileSync(command, ['-c', 'import torch, pandas'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
});

function runPython(script: string): string {
  const head = `
import collections, json, pickle, sys, types, numpy as np, pandas as pd, torch
dataloading = sys.modules['dataloading'] = types.ModuleType('dataloading')
for name in ('AffectNet_annotation', 'Affwild2_annotation'):
    setattr(dataloading, name, type(name, (), {'__module__': 'dataloading'}))
def plain(data):
    conv = lambda v: v.tolist() if hasattr(v, 'tolist') else v
    return {k: [{a: conv(v) for a, v in s.__dict__.items()} for s in data[k]] for k in data}
`;
  return execFileSync(python as string, ['-c', head + script], { cwd: dir, encoding: 'utf8' });
}

const givenPython = given(test, python !== undefined, 'python3 with torch and pandas');

const golden = (name: string) => readFileSync(join(PICKLES, name));
const json = (name: string) => JSON.parse(readFileSync(join(PICKLES, name), 'utf8'));

function plain(value: PickleValue): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([k, v]) => [k, plain(v)]));
  if (value instanceof PyObject) return plain(value.state);
  if (value instanceof Ndarray) return value.toList();
  return Array.isArray(value) ? value.map(plain) : value;
}

givenPython('annotation pickles', () => {
  for (const name of ['affectnet_faces8', 'affwild2']) {
    writeFileSync(join(dir, 'a.pkl'), writePickle(readPickle(golden(`${name}.pkl`))));
    const back = JSON.parse(runPython(`print(json.dumps(plain(pickle.load(open('a.pkl', 'rb')))))`));
    assert.equal(back, json(`${name}.json`));
    runPython(
      `for p in range(6): pickle.dump(pickle.load(open('${PICKLES}/${name}.pkl', 'rb')), open(f'a{p}.pkl', 'wb'), p)`,
    );
    for (let p = 0; p < 6; p++) {
      assert.equal(plain(readPickle(readFileSync(join(dir, `a${p}.pkl`)))), json(`${name}.json`), `protocol ${p}`);
    }
  }
  const eyes = runPython(`
eye = pickle.load(open('a.pkl', 'rb'))['train'][0]
print(type(eye).__module__, type(eye).__name__)`);
  assert.is(eyes.trim(), 'dataloading Affwild2_annotation');
});

givenPython('adjacency pickles', () => {
  const { index, columns, values } = json('adj.json');
  writeFileSync(
    join(dir, 'adj.pkl'),
    writePickle(dataFrame({ index, columns, values: Float64Array.from(values.flat()) })),
  );
  const back = JSON.parse(
    runPython(`
d = pickle.load(open('adj.pkl', 'rb'))
assert d.equals(pd.read_pickle('adj.pkl')) and d.to_numpy().dtype == np.float64
print(json.dumps(dict(index=list(d.index), columns=list(d.columns), values=d.to_numpy().tolist())))
for p in range(6): pickle.dump(d, open(f'adj{p}.pkl', 'wb'), p)`),
  );
  assert.equal(back, { index, columns, values });
  for (let p = 0; p < 6; p++) {
    const frame = asDataFrame(readPickle(readFileSync(join(dir, `adj${p}.pkl`))));
    assert.equal([...frame.values], values.flat(), `protocol ${p}`);
    assert.equal([frame.index, frame.columns], [index, columns], `protocol ${p}`);
  }
});

givenPython('tensors', async () => {
  const emb = await readTorchTensor(golden('emb_zip.pkl'), 'emb_zip.pkl');
  writeFileSync(join(dir, 'emb.pkl'), await writeTorchTensor(emb));
  const same = runPython(`
a, b = torch.load('${PICKLES}/emb_legacy.pkl'), torch.load('emb.pkl')
print(a.dtype == b.dtype, torch.equal(a, b))
torch.save(b.t()[5:, ::2], 'view.pt'); torch.save(b.t()[5:, ::2], 'old.pt', _use_new_zipfile_serialization=False)`);
  assert.is(same.trim(), 'True True');
  for (const name of ['view.pt', 'old.pt']) {
    const { shape, data } = await readTorchTensor(readFileSync(join(dir, name)), name);
    assert.equal(shape, [295, 5]);
    for (let i = 0; i < 295; i++) for (let j = 0; j < 5; j++) assert.is(data[i * 5 + j], emb.data[2 * j * 300 + i + 5]);
  }
});

for (const [network, packed] of [
  ['bregnext', 'emotion_gcn_bregnext_zip.pth.gz'],
  ['densenet', 'emotion_gcn_densenet_legacy.pth.gz'],
]) {
  const path = join(REFERENCE, 'checkpoints', packed);
  const both = given(test, python !== undefined && existsSync(path), `python3 with torch and pandas, or no ${path}`);
  both(`a whole checkpoint on ${network}`, async () => {
    writeFileSync(join(dir, 'theirs.pth'), gunzipSync(readFileSync(path)));
    const { epoch, state, optimizer: read } = await readCheckpoint(readFileSync(join(dir, 'theirs.pth')), packed);
    const optimizer = read?.();
    assert.ok(optimizer && epoch !== null);
    const settings = optimizer.settings as OptimizerSettings;
    writeFileSync(
      join(dir, 'ours.pth'),
      await writeCheckpoint({ epoch, state, optimizer: { ...optimizer, settings } }),
    );
    const said = runPython(`
sys.path.insert(0, '${REFERENCE}'); sys.dont_write_bytecode = True
import reference
theirs, ours = (torch.load(f, map_location='cpu') for f in ('theirs.pth', 'ours.pth'))
a, b = theirs['model_state_dict'], ours['model_state_dict']
assert type(b) is collections.OrderedDict and list(a) == list(b) and ours['epoch'] == theirs['epoch']
assert all(torch.equal(a[k], b[k]) and a[k].dtype == b[k].dtype and a[k].shape == b[k].shape for k in a)
assert all(b._metadata[k] == a._metadata[k] for k in b._metadata)
model = reference.build('emotion_gcn', '${network}', np.eye(9), 112)
print(model.load_state_dict(b, strict=True))
sgd, _ = reference.optimiser(model)
sgd.load_state_dict(ours['optimizer_state_dict'])
x, y = theirs['optimizer_state_dict'], ours['optimizer_state_dict']
assert list(x['state']) == list(y['state']) and 0 not in y['state']
assert all(torch.equal(x['state'][i]['momentum_buffer'], y['state'][i]['momentum_buffer']) for i in x['state'])
assert all(x['param_groups'][0][k] == v for k, v in y['param_groups'][0].items())`);
    assert.match(said, 'All keys matched successfully');
  });
}

givenPython('what training programs put beside the weights, by PyTorch itself', async () => {
  runPython(`
layer = torch.nn.BatchNorm2d(3)
layer.running_mean.tag = 'frozen'
torch.nn.init.constant_(layer.weight, 0.5)
sgd = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.MultiStepLR(sgd, [10, 20])
extras = dict(scheduler_state_dict=schedule.state_dict(), device=torch.device('cuda', 0), dtype=torch.float32,
    size=torch.Size([3, 227, 227]), history=collections.defaultdict(list, loss=[1.5]), layout=torch.strided,
    scale=np.float64(0.5), seen=set([1]))
torch.save(dict(epoch=3, model_state_dict=layer.state_dict(keep_vars=True), **extras), 'extras.pth')`);
  const { epoch, state } = await readCheckpoint(readFileSync(join(dir, 'extras.pth')), 'extras.pth');
  assert.is(epoch, 3);
  const numbers = Object.fromEntries([...state].map(([name, { data }]) => [name, Array.from(data, Number)]));
  assert.equal(numbers, {
    weight: [0.5, 0.5, 0.5],
    bias: [0, 0, 0],
    running_mean: [0, 0, 0],
    running_var: [1, 1, 1],
    num_batches_tracked: [0],
  });
});

for (const name of ['Adam', 'AdamW'])
  givenPython(
    `${name} of PyTorch goes on from what is written here as from its own, and its state is read`,
    async () => {
      const head = `
torch.manual_seed(0)
def make():
    layer = torch.nn.Linear(3, 2)
    return layer, torch.optim.${name}(layer.parameters(), lr=0.01, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1)
def steps(layer, adam, n):
    for _ in range(n):
        adam.zero_grad(); layer(torch.arange(12.).reshape(4, 3) / 7).square().sum().backward(); adam.step()
`;
      runPython(`${head}
layer, adam = make(); steps(layer, adam, 3)
torch.save(dict(epoch=2, model_state_dict=layer.state_dict(), optimizer_state_dict=adam.state_dict()), 'adam.pth')
steps(layer, adam, 4); torch.save(layer.state_dict(), 'whole.pth')`);
      const { epoch, state, optimizer: read } = await readCheckpoint(readFileSync(join(dir, 'adam.pth')), 'adam.pth');
      const optimizer = read?.();
      assert.ok(optimizer && epoch === 2);
      assert.equal(optimizer.settings, { lr: 0.01, betas: [0.8, 0.95], eps: 1e-6, weight_decay: 0.1 });
      assert.equal([optimizer.kind, optimizer.parameters, optimizer.state.size], ['adam', 2, 2]);
      assert.equal([...(optimizer.state.get(0)?.step.data ?? [])], [3]);
      const settings = { lr: 0.01, initial_lr: 0.01, weight_decay: 0.1, betas: [0.8, 0.95], eps: 1e-6 } as const;
      const ours = { ...optimizer, settings, decoupled: name === 'AdamW' };
      writeFileSync(join(dir, 'ours.pth'), await writeCheckpoint({ epoch, state, optimizer: ours }));
      const said = runPython(`${head}
ours, whole = torch.load('ours.pth'), torch.load('whole.pth')
layer, adam = make(); layer.load_state_dict(ours['model_state_dict']); adam.load_state_dict(ours['optimizer_state_dict'])
group = adam.param_groups[0]
assert type(group['betas']) is tuple and group['amsgrad'] is False and group['initial_lr'] == 0.01
steps(layer, adam, 4)
print(all(torch.equal(whole[k], v) for k, v in layer.state_dict().items()), float(adam.state[layer.bias]['step']))`);
      assert.is(said.trim(), 'True 7.0');
    },
  );

givenPython('what PyTorch’s other optimizers leave is refused by name', async () => {
  const others = {
    amsgrad: 'Adam(p, amsgrad=True)',
    maximize: 'Adam(p, maximize=True)',
    nesterov: 'SGD(p, lr=1, momentum=0.9, nesterov=True)',
  };
  const foreign = [
    'RAdam(p)',
    'NAdam(p)',
    'Adamax(p)',
    'RMSprop(p, momentum=0.9)',
    'Adagrad(p)',
    'Rprop(p)',
    'Adadelta(p)',
    'ASGD(p)',
  ];
  for (const [word, make] of [...Object.entries(others), ...foreign.map((f) => ['SGD, Adam or AdamW', f])]) {
    runPython(`
from torch.optim import *
layer = torch.nn.Linear(3, 2); p = layer.parameters(); o = ${make}
layer(torch.ones(1, 3)).sum().backward(); o.step()
torch.save(dict(epoch=0, model_state_dict=layer.state_dict(), optimizer_state_dict=o.state_dict()), 'other.pth')`);
    const { optimizer } = await readCheckpoint(readFileSync(join(dir, 'other.pth')), 'other.pth');
    assert.throws(() => optimizer?.(), new RegExp(`other.pth: expected .*${word}`), make);
  }
});

test.run();
