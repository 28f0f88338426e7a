// The short form of `npm run test:mutants`: what it breaks and what it leaves alone, and some breaks that must be noticed.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Tree, testOf } from '../tree';
import { apply, type Change, diffOf } from './change';
import { Coverage } from './covering';
import { checksOf } from './parts';
import { Trials } from './trial';
import { Compiler } from './typescript';
import { changesOfWgsl } from './wgsl';

/** The changed lines of all breaks, each once. */
const broken = (text: string, changes: readonly Change[]): string[] => [
  ...new Set(changes.map((change) => diffOf(text, change).split('\n+')[1]?.trim())),
];

test('WGSL: operators, numbers, edges, barriers and conditions, and no word of declarations or comments', () => {
  const text = `// a + 1
struct Params { rows: u32, most: vec4<f32> }
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>, 4>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= P.rows) { return; }
  workgroupBarrier();
  y[id.x] = -y[id.y + 2u];
}`;
  assert.equal(broken(text, changesOfWgsl(text)), [
    'if (false && (id.x >= P.rows)) { return; }',
    'if (true || (id.x >= P.rows)) { return; }',
    'if (id.y >= P.rows) { return; }',
    'if (id.x > P.rows) { return; }',
    ';',
    'y[id.y] = -y[id.y + 2u];',
    'y[id.x] = y[id.y + 2u];',
    'y[id.x] = -y[id.x + 2u];',
    'y[id.x] = -y[id.y - 2u];',
    'y[id.x] = -y[id.y + 3u];',
    'y[id.x] = -y[id.y + 1u];',
  ]);
});

test('TypeScript: also awaits, calls and arguments, and nothing of types, errors and times; types are held to', () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-mutants-'));
  const text = `declare const file: { sync(to: number, from: number): Promise<void> };
type Two = 1 | 2;
const timeoutMs = 5;
export async function write(a: number, b: number): Promise<string> {
  if (a < b) throw new Error('a' + 'b');
  await file.sync(a, b);
  return a ? 'x' : 'y';
}
const [source, axes] = ['', ''];
declare function defineKernel(name: string, ...sources: string[]): void;
const kernel = defineKernel('copy', source, axes);
`;
  const path = join(dir, 'write.ts');
  writeFileSync(
    join(dir, 'tsconfig.json'),
    '{ "compilerOptions": { "strict": true, "types": [] }, "include": ["*.ts"] }',
  );
  writeFileSync(path, text);
  const compiler = new Compiler(dir);
  try {
    assert.equal(broken(text, compiler.changesOf(path)), [
      "if (false && (a < b)) throw new Error('a' + 'b');",
      "if (true || (a < b)) throw new Error('a' + 'b');",
      "if (a <= b) throw new Error('a' + 'b');",
      ';',
      'file.sync(a, b);',
      'await file.sync(b, a);',
      "return false && (a) ? 'x' : 'y';",
      "return true || (a) ? 'x' : 'y';",
    ]);
    assert.ok(compiler.accepts(path));
    writeFileSync(path, text.replace("'y'", '2'));
    assert.not.ok(compiler.accepts(path));
  } finally {
    compiler.close();
    rmSync(dir, { recursive: true });
  }
});

/** Breaks that the tests of their files must notice: what stands there, and what in its place. */
const NOTICED: readonly (readonly [file: string, from: string, to: string])[] = [
  ['src/kernels/optimizer/sgd.wgsl', 'i >= P.size', 'i + 1u >= P.size'],
  ['src/formats/npy.ts', 'bytes.length - begin', 'bytes.length + begin'],
  ['src/ranks/ring.ts', 'silent > LOST', 'silent < LOST'],
];

test('a file that a test bundles is covered by it', async () => {
  assert.is((await Coverage.read()).testsOf('src/ranks/siblings.ts')[0], 'test/ranks/siblings.test.ts');
});

test('an edge, a sign and an order that are broken are noticed by the nearest tests, which pass as all is', async () => {
  const tree = new Tree();
  try {
    const coverage = await Coverage.read();
    const trials = new Trials(tree, 60);
    for (const [file, from, to] of NOTICED) {
      const text = tree.read(file);
      const start = text.indexOf(from);
      assert.ok(start >= 0, `${file} has no ${from} any more: break another place of it here`);
      const mutant = apply(text, { start, end: start + from.length, text: to, sort: '' });
      const [nearest] = checksOf(file, coverage);
      const { kind, by, output } = await trials.try(file, mutant, [nearest]);
      assert.equal([kind, by], ['killed', [nearest.name]], `${file}: ${to}\n${output}`);
      assert.is(tree.read(file), text);
    }
    const [file, check] = ['src/base/sha256.ts', testOf('test/sha256.test.ts')];
    const text = tree.read(file);
    const refused = await trials.try(file, `${text}\nconst = 1;`, [check]);
    assert.is(refused.kind, 'no mutant', 'what a compiler refuses');
    const unnoticed = await trials.try(file, `${text}\n// no more`, [check]);
    assert.equal([unnoticed.kind, unnoticed.by], ['survived', [check.name]], 'what changes nothing');
    const failing = { name: 'failing', args: ['-e', 'process.exit(1)'] };
    assert.is((await trials.try(file, text, [failing])).kind, 'survived', 'a check that fails as all is kills nothing');
    const hanging = { name: 'hanging', args: ['-e', 'setInterval(() => {}, 1000)'] };
    assert.is((await tree.run(hanging, 0.5)).verdict, 'out of time');
  } finally {
    tree.remove();
  }
});

test.run();
