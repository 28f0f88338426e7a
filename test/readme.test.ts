// What README.md and bench/README.md tell people to type exists, with the flags that they show, and the quick ones are run.
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from './cli/program';

const test = suite('readme');
const pages = readdirSync('docs').filter((f) => f.endsWith('.md'));
const texts = ['README.md', 'bench/README.md', ...pages.map((f) => `docs/${f}`)].map((file) =>
  readFileSync(file, 'utf8').replaceAll('\\\n', ' '),
);
const all = texts.join('\n');
const scripts = JSON.parse(readFileSync('package.json', 'utf8')).scripts as Record<string, string>;
const npm = (...args: string[]) => promisify(execFile)('npm', ['run', '--silent', ...args], { timeout: 300_000 });

test('every npm script that is named exists', () => {
  const named = new Set([...all.matchAll(/npm run ([\w:-]+)/g)].map((m) => m[1]));
  assert.ok(named.size >= 5);
  for (const name of named) assert.ok(name in scripts, `npm run ${name}`);
});

test('every command of the program exists and has the flags that are shown', async () => {
  const lines = [...all.matchAll(/npx emotion-gcn (\w+)([^`\n]*)/g)];
  assert.ok(lines.length >= 6);
  for (const [line, command, rest] of lines) {
    const { code, out } = await run([command, '--help']);
    assert.is(code, 0, line);
    for (const [flag] of rest.matchAll(/--\w+/g)) assert.ok(out.includes(flag), `${line}: ${flag}`);
  }
});

test('every link leads to a file', () => {
  for (const [, link] of texts[0].matchAll(/\]\((?!http)([^)#]+)\)/g)) assert.ok(existsSync(link), link);
});

test('npm run bench: a row a work in JSON, as documented; an unknown work is wrong usage', async () => {
  const { stdout } = await npm('bench', '--', '3x3 128>32 @3', '--repeat', '1', '--json');
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.is(rows.length, 4);
  for (const row of rows) {
    assert.equal(Object.keys(row), ['work', 'adapter', 'variant', 'ms', 'gflops', 'gbps', 'peak_bytes']);
    assert.ok((row.ms as number) > 0 && (row.gflops as number) > 0);
  }
  const wrong = await npm('bench', '--', 'no such work').catch((e) => e);
  assert.is(wrong.code, 2);
  assert.match(wrong.stderr, /no work has "no such work"/);
});

test.run();
