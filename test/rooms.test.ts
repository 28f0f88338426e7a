// The rooms of src (docs/architecture.md): each imports only from rooms below it, no files import each other in a circle, the
// engine imports nothing of Node, and a type's name means one thing.
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

/** Lowest first. `index` is src/index.ts, the library's door; `engine` and `engine_node` are those of the engine alone, `browser` is a page's. */
const ROOMS = [
  ...['base', 'device', 'kernels', 'autograd', 'models', 'formats', 'faces', 'engine', 'engine_node'],
  ...['browser', 'page', 'data', 'ranks', 'train', 'ui', 'index', 'cli'],
];
/** What must run in a browser as well: these, but device's entry for Node. */
const ENGINE = ['base', 'device', 'kernels', 'autograd', 'models', 'faces', 'engine', 'browser'];
/** What the engine's door for Node may bring along besides the engine: how a device is opened there. */
const NODE = /^node:|^webgpu$/;

/** Packages that the page may use: they become part of it. */
const PAGE = /^(preact|uplot)(\/|$)/;

const roomOf = (file: string): string => file.split('/')[0].replace(/\.ts$/, '');
const ofEngine = (file: string): boolean => ENGINE.includes(roomOf(file)) && !file.startsWith('device/node/');

interface Import {
  readonly from: string;
  /** Erased when compiled: it brings nothing along. */
  readonly typeOnly: boolean;
}

/** Every import of a module's text: import and export declarations, and import() of a literal. */
function importsOf(text: string): Import[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const found: Import[] = [];
  for (const [, type, from] of code.matchAll(/^(?:import|export)\s+(type\s)?[^'"`;]*?from\s*['"]([^'"]+)['"]/gm))
    found.push({ from, typeOnly: type !== undefined });
  for (const [, from] of code.matchAll(/^import\s*['"]([^'"]+)['"]/gm)) found.push({ from, typeOnly: false });
  for (const [, from] of code.matchAll(/\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]/g))
    found.push({ from, typeOnly: false });
  return found;
}

/** The file that a relative import means, null for a package; undefined when there is none. */
function resolve(files: ReadonlyMap<string, string>, file: string, from: string): string | null | undefined {
  if (!from.startsWith('.')) return null;
  const path = posix.join(posix.dirname(file), from);
  return [path, `${path}.ts`, `${path}.tsx`, `${path}/index.ts`].find((p) => files.has(p));
}

/** What is wrong with a tree of sources, path below src to text: a line for each import that must not be. */
function judge(files: ReadonlyMap<string, string>): string[] {
  const wrong: string[] = [];
  const imports = new Map([...files].map(([file, text]) => [file, importsOf(text)]));

  for (const [file, list] of imports) {
    const room = ROOMS.indexOf(roomOf(file));
    if (room < 0) wrong.push(`${file} lies in no room`);
    for (const { from } of list) {
      const to = resolve(files, file, from);
      if (to === undefined) wrong.push(`${file} imports ${from}, which is not there`);
      else if (to && ROOMS.indexOf(roomOf(to)) > room) wrong.push(`${file} imports ${to}, which lies above it`);
    }
  }

  // The engine: no package at all in its own files, types included, nor in anything that they bring along.
  for (const start of files.keys()) {
    if (!ofEngine(start)) continue;
    const reached = new Map<string, string>([[start, start]]);
    for (const [file, way] of reached) {
      for (const { from, typeOnly } of imports.get(file) ?? []) {
        if (typeOnly && file !== start) continue;
        const to = resolve(files, file, from);
        if (to === null) wrong.push(`${way} imports ${from}: the engine uses no package and nothing of Node`);
        else if (to && !typeOnly && !reached.has(to)) reached.set(to, `${way} > ${to}`);
      }
      // What Node has without an import.
      const code = (files.get(file) ?? '').replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '');
      for (const [, name] of code.matchAll(/(?<![.\w])(process|Buffer|__dirname|__filename)\b(?=\.\w|[[(])/g))
        wrong.push(`${way} uses Node's ${name}`);
    }
  }

  for (const [file, list] of imports)
    for (const { from } of roomOf(file) === 'page' ? list : []) {
      const to = resolve(files, file, from);
      const fine = to ? ['page', 'browser'].includes(roomOf(to)) : PAGE.test(from);
      if (!fine)
        wrong.push(`${file} imports ${to ?? from}: the page knows the engine by src/browser.ts, and nothing of Node`);
    }

  const reached = new Set(['engine_node.ts'].filter((file) => files.has(file)));
  for (const file of reached)
    for (const { from, typeOnly } of imports.get(file) ?? []) {
      const to = typeOnly ? undefined : resolve(files, file, from);
      if (to) reached.add(to);
      const fine = to ? ofEngine(to) || to.startsWith('device/node/') : to === undefined || NODE.test(from);
      if (!fine) wrong.push(`engine_node.ts brings ${to ?? from} along, by ${file}`);
    }
  return wrong;
}

/** Circles of files that import each other, types included; of each, one way round. */
function circles(files: ReadonlyMap<string, string>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const way: string[] = [];
  const walk = (file: string): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push([...way.slice(at), file].join(' > '));
    if (at >= 0 || done.has(file)) return;
    way.push(file);
    for (const { from } of importsOf(files.get(file) ?? '')) {
      const to = resolve(files, file, from);
      if (to) walk(to);
    }
    way.pop();
    done.add(file);
  };
  for (const file of files.keys()) walk(file);
  return found;
}

/** Names under which several files export a type of their own. */
function twins(files: ReadonlyMap<string, string>): string[] {
  const homes = new Map<string, string[]>();
  for (const [file, text] of files)
    for (const [, name] of text.matchAll(
      /^export\s+(?:abstract\s+|declare\s+)*(?:type|interface|class|enum)\s+(\w+)/gm,
    ))
      homes.set(name, [...new Set([...(homes.get(name) ?? []), file])]);
  return [...homes].filter(([, at]) => at.length > 1).map(([name, at]) => `${name}: ${at.join(', ')}`);
}

const tree = (files: Record<string, string>): Map<string, string> => new Map(Object.entries(files));

/** Every source by its path below src. */
function sources(): Map<string, string> {
  const names = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((name) => name.replaceAll('\\', '/'))
    .filter((name) => /\.(tsx?|css|wgsl|wat|json)$/.test(name) && !name.endsWith('.d.ts'));
  return new Map(names.map((name) => [name, readFileSync(`src/${name}`, 'utf8')]));
}

test('every import of src goes down, and the engine is free of Node', () => {
  const files = sources();
  for (const room of ROOMS)
    assert.ok(
      [...files.keys()].some((f) => roomOf(f) === room),
      `no file in ${room}`,
    );
  const edges = [...files].flatMap(([, text]) => importsOf(text)).length;
  assert.ok(edges > 300, `${edges} imports found`);
  assert.equal(judge(files), []);
});

test('an upward import is found, whatever its form', () => {
  for (const [form, file] of [
    ["import { train } from '../train';", 'models/a.ts'],
    ["import type { Train } from '../train';", 'models/a.ts'],
    ["import {\n  a,\n  type B,\n} from '../train';", 'models/a.ts'],
    ["import * as all from '../train/index';", 'models/a.ts'],
    ["import './../train';", 'models/a.ts'],
    ["export * from '../train';", 'models/a.ts'],
    ["export type { A } from '../train';", 'models/a.ts'],
    ["const later = await import('../train');", 'models/a.ts'],
    ["type T = import('../train').T;", 'models/a.ts'],
    ["import source from '../train/shader.wgsl';", 'kernels/a.ts'],
  ] as const) {
    const found = judge(tree({ [file]: form, 'train/index.ts': '', 'train/shader.wgsl': '' }));
    assert.is(found.length, 1, `${form}: ${found}`);
    assert.match(found[0], /imports train\/\S+, which lies above it/);
  }
});

test('imports that go down or stay, comments and texts are left alone', () => {
  const fine = tree({
    'device/index.ts': '',
    'device/node/index.ts': "import { tmpdir } from 'node:os';\nprocess.exit();",
    'train/a.ts': "import { b } from './b';\nimport fs from 'node:fs';\nimport { openDevice } from '../device/node';",
    'train/b.ts': "import { Device } from '../device';",
    'models/a.ts':
      "// import x from 'node:fs'\n/* import '../train'; process.exit() */\nconst text = 'the process. ends';\nimport { Device } from '../device';",
  });
  assert.equal(judge(fine), []);
  assert.equal(judge(tree({ 'attic/a.ts': '', 'data/a.ts': "import './gone';" })), [
    'attic/a.ts lies in no room',
    'data/a.ts imports ./gone, which is not there',
  ]);
});

test('Node and packages are found in the engine, however they come', () => {
  for (const from of ['node:fs', 'fs', 'sharp', 'webgpu', 'node:worker_threads'])
    assert.equal(judge(tree({ 'kernels/a.ts': `import { x } from '${from}';` })), [
      `kernels/a.ts imports ${from}: the engine uses no package and nothing of Node`,
    ]);
  assert.match(judge(tree({ 'device/a.ts': "import type { Stats } from 'node:fs';" })).join(), /device\/a.ts imports/);
  assert.match(judge(tree({ 'autograd/a.ts': 'const home = process.env.HOME;' })).join(), /uses Node's process/);
  // By way of files that may use it themselves.
  const through = tree({
    'models/a.ts': "import { open } from './open';",
    'models/open.ts': "export { openDevice as open } from '../device/node';",
    'device/node/index.ts': "import { create } from 'webgpu';",
  });
  assert.equal(judge(through), [
    'models/a.ts > models/open.ts > device/node/index.ts imports webgpu: the engine uses no package and nothing of Node',
    'models/open.ts > device/node/index.ts imports webgpu: the engine uses no package and nothing of Node',
  ]);
  // A type brings nothing along.
  const type = tree({
    'models/a.ts': "import type { FoundAdapter } from '../device/node';",
    'device/node/index.ts': "import { create } from 'webgpu';",
  });
  assert.equal(judge(type), []);
});

test("the engine's doors bring nothing but the engine along, and on Node how a device is opened", () => {
  const opener = "import { tmpdir } from 'node:os';\nconst dawn = await import('webgpu');";
  const door = "export { openDevice } from './device/node';\nexport * from './engine';";
  const fine = { 'engine_node.ts': door, 'device/node/index.ts': opener, 'engine.ts': '' };
  assert.equal(judge(tree(fine)), []);
  const reader = { 'data/image.ts': "import sharp from 'sharp';" };
  const wrong = judge(tree({ ...fine, ...reader, 'engine_node.ts': `${door}\nexport { read } from './data/image';` }));
  assert.ok(wrong.includes('engine_node.ts brings data/image.ts along, by engine_node.ts'), wrong.join('\n'));
  assert.ok(wrong.includes('engine_node.ts brings sharp along, by data/image.ts'), wrong.join('\n'));
  const format = { 'formats/tfjs.ts': '', 'models/a.ts': "import '../formats/tfjs';" };
  assert.match(
    judge(tree({ ...fine, ...format, 'engine.ts': "export * from './models/a';" })).join(),
    /formats\/tfjs.ts/,
  );
  const page = { ...fine, 'browser.ts': "export { openDevice } from './device/node';" };
  assert.match(judge(tree(page)).join(), /browser.ts > .* imports webgpu: the engine uses no package/);
  // A page's may bring file formats, of which none may know Node.
  const files = { ...fine, 'browser.ts': "export * from './formats/a';", 'formats/a.ts': '' };
  assert.equal(judge(tree(files)), []);
  const seal = { ...files, 'formats/a.ts': "import { b } from '../base/b';\nBuffer.from([]);", 'base/b.ts': '' };
  assert.equal(judge(tree(seal)), ["browser.ts > formats/a.ts uses Node's Buffer"]);
});

test('the page knows the engine by its door, a library or two, and nothing of Node', () => {
  const fine = {
    'browser.ts': '',
    'page/a.tsx': "import { h } from 'preact/hooks';\nimport '../browser';\nimport './b';",
    'page/b.ts': '',
  };
  assert.equal(judge(tree(fine)), []);
  for (const [from, told] of [
    ['node:fs', 'node:fs'],
    ['sharp', 'sharp'],
    ['../models/init', 'models/init.ts'],
  ])
    assert.match(
      judge(tree({ ...fine, 'models/init.ts': '', 'page/b.ts': `import '${from}';` })).join(),
      RegExp(`page/b.ts imports ${told}`),
    );
});

test('no files of src import each other in a circle, not even their types', () => {
  assert.equal(circles(sources()), []);
  const round = tree({
    'train/a.ts': "import { b } from './b';",
    'train/b.ts': "import type { C } from './c';",
    'train/c.ts': "type A = import('./a').A;",
    'train/d.ts': "import { a } from './a';",
  });
  assert.equal(circles(round), ['train/a.ts > train/b.ts > train/c.ts > train/a.ts']);
  assert.equal(circles(tree({ 'a.ts': "import './b'; import './c';", 'b.ts': "import './c';", 'c.ts': '' })), []);
});

test('no two exported types of src have one name', () => {
  assert.equal(twins(sources()), []);
  assert.equal(
    twins(
      tree({
        'a.ts': 'export interface Work {}\nexport type Own = 1;\ninterface Part {}',
        'b.ts': "export abstract class Work {}\nexport { type Own } from './a';\nexport interface Part {}",
      }),
    ),
    ['Work: a.ts, b.ts'],
  );
});

test.run();
