import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';

const test = suite('debugging');

/** A heading, a program below it, and what the program prints. */
const PROGRAM = /^## ([^\n]+)\n(?:(?!^## )[\s\S])*?^```ts\n([\s\S]*?)^```\n+```text\n([\s\S]*?)^```/gm;
const programs = [...readFileSync('docs/debugging.md', 'utf8').matchAll(PROGRAM)];
const FOLDER = `build/debugging-${process.pid}`;

test.before(() => {
  mkdirSync(FOLDER, { recursive: true });
});
test.after(() => rmSync(FOLDER, { recursive: true, force: true }));

test('the page has its programs', () => {
  assert.ok(programs.length >= 4);
});

for (const [, heading, program, printed] of programs) {
  test(heading, () => {
    const file = `${FOLDER}/${heading.toLowerCase().replace(/\W+/g, '_')}.ts`;
    writeFileSync(file, program.replace("from 'emotion-gcn'", "from '../../src/index'"));
    const { stdout, stderr, status } = spawnSync(process.execPath, ['scripts/run.mjs', file], { encoding: 'utf8' });
    assert.is(status, 0, stderr);
    // Digits are an adapter's own.
    const plain = (text: string) => text.replace(/\d+(\.\d+)?(e-?\d+)?/g, '#');
    assert.is(plain(stdout), plain(printed));
  });
}

test.run();
