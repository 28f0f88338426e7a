// What README.md and bench/README.md tell people to type exists, with the flags that they show.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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

test('every npm script that is named exists', () => {
  const named = new Set([...all.matchAll(/npm run ([\w:-]+)/g)].map((m) => m[1]));
  assert.ok(named.size >= 5);
  for (const name of named) assert.ok(name in scripts, `npm run ${name}`);
});

test('every command of the program exists and has the flags that are shown', async () => {
  // `prepare` has commands of its own.
  const lines = [...all.matchAll(/npx emotion-gcn ((?:prepare )?\w+)([^`\n]*)/g)];
  assert.ok(lines.length >= 6);
  for (const [line, command, rest] of lines) {
    const { code, out } = await run([...command.split(' '), '--help']);
    assert.is(code, 0, line);
    for (const [flag] of rest.matchAll(/--\w+/g)) assert.ok(out.includes(flag), `${line}: ${flag}`);
  }
});

test('every link leads to a file', () => {
  for (const [, link] of texts[0].matchAll(/\]\((?!http)([^)#]+)\)/g)) assert.ok(existsSync(link), link);
});

test.run();
