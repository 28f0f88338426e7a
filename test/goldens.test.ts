// This engine against PyTorch: the golden files of this repository, and proof that a wrong number in one is found.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSafetensors, type StoredTensor, writeSafetensors } from '../src/formats/safetensors';
import { givenShared, SHARED } from './given';
import { largest, passes } from './goldens/compare';
import { Fixture } from './goldens/fixture';
import { judge, judgeBytes, line, passed } from './goldens/run';
import { device } from './gpu';

const GOLDEN = 'test/golden';

const load = (file: string): Fixture => Fixture.parse(file, readFileSync(file));
const filesIn = (dir: string): string[] => readdirSync(dir).map((f) => join(dir, f));

async function allPass(files: string[]): Promise<void> {
  const failed: string[] = [];
  for (const file of files) {
    const verdict = await judge(load(file), { device });
    if (!passed(verdict)) failed.push(line(verdict));
  }
  assert.ok(files.length > 0);
  assert.is(failed.join('\n'), '');
}

/** The same fixture with element `at` of a tensor changed by as much as its largest element, by 0.001 at least. */
function changed(fixture: Fixture, name: string, at: number): Fixture {
  const { dtype, shape, data } = fixture.tensors.get(name) as StoredTensor;
  const copy = data.slice();
  if (copy instanceof BigInt64Array) copy[at] += 1n;
  else if (copy instanceof Uint8Array) copy[at] ^= 1;
  else copy[at] += Math.max(largest(copy), 1e-3);
  return new Fixture(fixture.name, new Map([...fixture.tensors, [name, { dtype, shape, data: copy }]]), fixture.meta);
}

for (const folder of ['ops', 'extra', 'modules']) {
  test(`${folder}: within a few times PyTorch's own error`, () => allPass(filesIn(join(GOLDEN, folder))));
}

test('ops at the real sizes', () => allPass(filesIn(join(GOLDEN, 'ops_large'))));

givenShared(test, 'reference/ops_large')('the two large max pools, too large for the repository', () =>
  allPass(filesIn(`${SHARED}/reference/ops_large`).filter((f) => f.includes('maxpool'))),
);

test('networks: logits, losses, every gradient, running statistics, every layer', () =>
  allPass(
    ['emotion_gcn_bregnext_32', 'multi_task_bregnext_32', 'single_task_bregnext_32', 'emotion_gcn_densenet_112'].map(
      (name) => join(GOLDEN, 'models', `${name}.safetensors`),
    ),
  ));

test('networks of depthwise convolutions: a training step', () =>
  allPass(
    ['emotion_gcn_denselite_112', 'multi_task_denselite_112', 'emotion_gcn_mobilenet_112'].map((name) =>
      join(GOLDEN, 'models', `${name}.safetensors`),
    ),
  ));

test('Grad-CAM of the three models on the four networks', () => allPass(filesIn(join(GOLDEN, 'grad_cam'))));

test('20 training steps, loss for loss', () =>
  allPass([join(GOLDEN, 'trajectories/emotion_gcn_bregnext_32_lr0.001.safetensors')]));

test('one changed number in any result of any op is found', async () => {
  const seen = new Set<string>();
  for (const file of ['ops', 'extra'].flatMap((folder) => filesIn(join(GOLDEN, folder)))) {
    const fixture = load(file);
    // One file of each op and each set of results is enough.
    const kind = `${fixture.op} ${fixture.results()}`;
    if (seen.has(kind) || fixture.meta.case.includes('350')) continue;
    seen.add(kind);
    for (const [name, { data }] of fixture.tensors) {
      if (/^(in|up)\./.test(name)) continue;
      const verdict = await judge(changed(fixture, name, data.length - 1), { device });
      assert.not.ok(passed(verdict), `${file}: ${name}`);
    }
  }
  assert.ok(seen.size > 20);
});

test('one changed number in a digest, a module, or a table of a network is found', async () => {
  const digest = load(join(GOLDEN, 'ops_large/batchnorm_large_2x64x56x56.safetensors'));
  const module = load(join(GOLDEN, 'modules/module_breg_layer.safetensors'));
  const network = load(join(GOLDEN, 'models/single_task_bregnext_32.safetensors'));
  const map = load(join(GOLDEN, 'grad_cam/multi_task_bregnext_32.safetensors'));
  for (const fixture of [digest, module, network, map]) {
    // All at once: each must be among what failed.
    const results = [...fixture.tensors.keys()].filter(
      (k) => !/^(in\.|up\.|A$|emb$|va$|labels$)/.test(k) && !/f32_|^adj$/.test(k),
    );
    const wrong = results.reduce((f, name) => changed(f, name, 0), fixture);
    const failures = (await judge(wrong, { device })).checks.filter((c) => !passes(c)).map((c) => c.tensor);
    for (const name of results)
      assert.ok(
        failures.some((f) => matches(f, name)),
        `${fixture.name}: ${name}`,
      );
  }
});

/** Whether a failed check speaks of a stored tensor: `grad.NAME:norm` of `grad.norm`, `out.y.sample` of the sample. */
function matches(check: string, stored: string): boolean {
  const plain = stored.replace(/\.f64ref$/, '');
  if (check === plain) return true;
  const [table, column] = plain.split('.');
  return check.startsWith(`${table}.`) && check.endsWith(`:${column}`);
}

test('changed names, rates and shapes are found', async () => {
  const spoil = async (file: string, key: string, edit: (value: string) => string): Promise<void> => {
    const fixture = load(join(GOLDEN, file));
    const meta = { ...fixture.meta, [key]: edit(fixture.meta[key]) };
    const verdict = await judge(new Fixture(file, fixture.tensors, meta), { device });
    assert.not.ok(passed(verdict), `${file}: ${key}`);
  };
  await spoil('ops/sgd_steps.safetensors', 'attr.rates', (v) => v.replace('0.1', '0.2'));
  await spoil('ops_large/conv2d_1x1_992to128_3.safetensors', 'shape.out.y', (v) => v.replace('128', '64'));
  await spoil('models/single_task_bregnext_32.safetensors', 'state_dict', (v) => v.replace('"_conv0.bias", ', ''));
  await spoil('models/single_task_bregnext_32.safetensors', 'no_gradient', () => '["_fc0.bias"]');
});

test('what cannot be run, or holds nothing, fails; what belongs to other tests is left alone', async () => {
  const fails = async (fixture: Fixture, word: string): Promise<void> => {
    const verdict = await judge(fixture, { device });
    assert.not.ok(passed(verdict));
    assert.match(line(verdict), word);
  };
  const conv = load(join(GOLDEN, 'ops/conv2d_5x5.safetensors'));
  const without = (...names: string[]) => new Map([...conv.tensors].filter(([k]) => !names.includes(k)));
  await fails(new Fixture('f', conv.tensors, { ...conv.meta, op: 'conv9d' }), 'unknown op "conv9d"');
  await fails(new Fixture('f', without('in.weight'), conv.meta), 'in.weight');
  await fails(new Fixture('f', without('up.y'), conv.meta), 'up.');
  const y = conv.tensors.get('out.y.f64ref') as StoredTensor;
  await fails(new Fixture('f', new Map([...conv.tensors, ['out.z.f64ref', y]]), conv.meta), 'out.z');
  await fails(new Fixture('f', new Map([...conv.tensors, ['other', y]]), conv.meta), 'other');
  const inputs = without(...conv.results().map((r) => `${r}.f64ref`));
  await fails(new Fixture('f', inputs, conv.meta), 'nothing to compare');
  const nan = { ...y, data: y.data.slice() };
  nan.data[3] = Number.NaN;
  await fails(new Fixture('f', new Map([...conv.tensors, ['out.y.f64ref', nan]]), conv.meta), 'out.y');

  const broken = await judgeBytes('f', new Uint8Array(100), { device });
  assert.ok(broken && !passed(broken));
  for (const metadata of [{}, { op: 'glove' }, { op: 'checkpoint' }, { op: 'real_faces' }]) {
    assert.is(await judgeBytes('f', writeSafetensors({}, metadata as Record<string, string>), { device }), null);
  }
});

test('the program: a line a file, totals on the last line, exit codes 0, 1 and 2', () => {
  const dir = mkdtempSync(join(tmpdir(), 'goldens-'));
  // As npm run goldens runs it; then what that has bundled.
  let program = ['scripts/run.mjs', 'test/goldens.ts'];
  const run = (...args: string[]) => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [...program, ...args], { encoding: 'utf8' });
    program = ['build/run/goldens/goldens.js'];
    return { status, last: stdout.trimEnd().split('\n').at(-1), lines: stdout.trimEnd().split('\n'), stderr };
  };
  try {
    assert.is(run(join(dir, 'none')).status, 2);
    assert.is(run(dir).status, 2);
    const good = readFileSync(join(GOLDEN, 'ops/relu_2x3x5x7.safetensors'));
    writeFileSync(join(dir, 'good.safetensors'), good);
    const first = run(dir);
    assert.equal([first.status, first.last], [0, '1 passed, 0 failed']);
    const { tensors, metadata } = readSafetensors(good);
    const bad = changed(new Fixture('bad', tensors, metadata), 'grad.x.f64ref', 20);
    writeFileSync(join(dir, 'bad.safetensors'), writeSafetensors(bad.tensors, metadata));
    const second = run(dir);
    assert.equal([second.status, second.last, second.lines.length], [1, '1 passed, 1 failed', 3]);
    assert.match(second.lines[0], /^bad +grad\.x +\S+ +\S+ +\S+ FAILED/);
    assert.is(run(dir, '--nonsense').status, 2);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test.run();
