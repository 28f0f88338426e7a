// The API as its docstrings tell it: the examples run, and their lines that end in `// VALUE` have that value, to 1e-3 (what is written
// of a figure). An example has all of 'emotion-gcn' at hand, and an open `device`; also face-api's `weights`, a
// `photograph` of nobody, a folder with drawn `faces` and `run1`, which has learnt from them, and of Node `readFileSync` and `writeFileSync`.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as engine from '../../src/engine_node';
import * as library from '../../src/index';

const test = suite('api');
const FOLDER = `build/api-${process.pid}`;

const textOf = (file: string): string | null => {
  try {
    return readFileSync(`src/${file}`, 'utf8');
  } catch {
    return null;
  }
};

/** Of each name that a file exports: the docstring of its declaration. */
function docs(file: string): Map<string, string> {
  const text = textOf(file) as string;
  const found = new Map<string, string>();
  const own =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:async )?(?:abstract )?(?:function\*?|class|const) (\w+)/g;
  for (const [, doc = '', name] of text.matchAll(own)) found.set(name, doc);
  const from = (path: string): Map<string, string> => {
    const at = posix.join(posix.dirname(file), path);
    return docs([`${at}.ts`, `${at}/index.ts`].find((f) => textOf(f) !== null) as string);
  };
  for (const [, path] of text.matchAll(/^export \* from '(.+)';/gm)) for (const [n, d] of from(path)) found.set(n, d);
  for (const [, names, path] of text.matchAll(/^export \{([^}]*)\} from '(.+)';/gm)) {
    const theirs = from(path);
    for (const [, name, as] of names.matchAll(/(?<!type )\b(\w+)(?: as (\w+))?,?/g))
      if (theirs.has(name)) found.set(as ?? name, theirs.get(name) as string);
  }
  return found;
}

interface Example {
  readonly name: string;
  readonly code: string;
}

const all = docs('index.ts');
const examples = [...all].flatMap(([name, doc]): Example[] => {
  const [, code] = doc.match(/^ \* @example\n([\s\S]*?)(?=^ \* @|$(?![\s\S]))/m) ?? [];
  return code === undefined ? [] : [{ name, code: code.replace(/^ \* ?/gm, '') }];
});

/** A line that ends in a value: what stands before it, the expression, the value. */
const CHECKED = /^(\s*(?:if \(.*?\) )?)(.+); \/\/ (-?[\d.].*|[['].*|true|false|null)$/gm;

/** All examples as one program, which tells of each what was wrong and how many values it has held. */
function program(): string {
  const names = Object.keys(library).filter((name) => name !== 'default');
  const bodies = examples.map(({ name, code }) => {
    const body = code.replace(CHECKED, (_, before, expression, value) => `${before}check(${expression}, ${value});`);
    return `examples[${JSON.stringify(name)}] = async () => {\n${body}\n};`;
  });
  return `import { ${names.join(', ')}, type RgbImage, type Tensor } from '../../src/index';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { readFaceApiWeights } from '../../src/data/face_weights';
const weights = {
  detector: readFaceApiWeights('tiny_face_detector_model'),
  landmarks: readFaceApiWeights('face_landmark_68_model'),
};
const photograph: RgbImage = { width: 64, height: 64, data: new Uint8Array(64 * 64 * 3).fill(128) };
const home = process.cwd();
const folder = mkdtempSync(\`\${tmpdir()}/api-\`);
process.chdir(folder);
const set = await writeSyntheticSet({ out: 'faces', n: 14, validation: 7, size: 64 });
await new Trainer(readTrainArgs({
  ...{ image_dir: 'faces', data: set.training, val_data: set.validation, saved_model: 'run1', cache: 'off' },
  ...{ network: 'denselite', model: 'single_task', image_size: 32, batch_size: 7, epochs: 1 },
})).run();
const device = await openDevice();
const examples: Record<string, () => Promise<void>> = {};
let held = 0;
const plain = (v: unknown): unknown =>
  ArrayBuffer.isView(v) ? Array.from(v as Float32Array) : Array.isArray(v) ? v.map(plain) : v;
const same = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= 1e-3
  : Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((v, i) => same(v, b[i]))
  : a === b;
function check(found: unknown, expected: unknown): void {
  if (!same(plain(found), plain(expected)))
    throw new Error(\`expected \${JSON.stringify(expected)}, found \${JSON.stringify(plain(found))}\`);
  held++;
}
${bodies.join('\n')}
const tell = console.log;
console.log = () => {};
for (const [name, run] of Object.entries(examples)) {
  held = 0;
  const error = await run().then(() => null, (error) => String(error));
  tell(JSON.stringify({ name, error, held }));
}
device.destroy();
process.chdir(home);
rmSync(folder, { recursive: true, force: true });
`;
}

const results = new Map<string, { error: string | null; held: number }>();
test.before(() => {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}/examples.ts`;
  writeFileSync(file, program());
  const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/run.mjs', file], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  // Dawn may warn on the same stream.
  for (const line of stdout.match(/^\{.*/gm) ?? []) results.set(JSON.parse(line).name, JSON.parse(line));
});
test.after(() => rmSync(FOLDER, { recursive: true, force: true }));

for (const { name, code } of examples)
  test(name, () => {
    const { error, held } = results.get(name) as { error: string | null; held: number };
    assert.is(error, null);
    assert.is(held, [...code.matchAll(CHECKED)].length, 'a line with a value was not reached');
  });

test('the examples are TypeScript', () => {
  const config = `${FOLDER}/tsconfig.json`;
  const compilerOptions = { noUnusedLocals: false };
  writeFileSync(
    config,
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['*.ts', '../../src/**/*.d.ts'] }),
  );
  const { stdout } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', config], {
    encoding: 'utf8',
  });
  assert.is(stdout, '');
});

test('all functions and classes that are exported have an example', () => {
  const named = Object.entries({ ...library, ...engine }).filter(([, value]) => typeof value === 'function');
  assert.ok(named.length > 150);
  const without = named.map(([name]) => name).filter((name) => !examples.some((e) => e.name === name));
  assert.equal(without, []);
});

test.run();
