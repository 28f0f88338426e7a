// scripts/test.mjs counts what goes wrong in a file of tests, in whatever way it does.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Check, Tree } from './tree';

/** Files of tests, and what is said of them. */
const SPOILED: Readonly<Record<string, readonly [text: string, said: RegExp]>> = {
  failing: ["test('fails', () => { throw new Error('wrong'); }); test.run();", /FAIL {2}"fails"\n {4}wrong/],
  throwing: ["throw new Error('at load');", /Error: at load/],
  leaving: [
    "test('leaves', () => process.exit(0)); test.run();",
    /spoiled\/leaving.test.ts ended before its time \(exit 1\)/,
  ],
  crashing: [
    "test('crashes', () => process.kill(process.pid, 'SIGSEGV')); test.run();",
    /spoiled\/crashing.test.ts ended before its time \(SIGSEGV\)/,
  ],
  hanging: [
    "test('hangs', () => new Promise(() => {})); test.run();",
    /without a word\n\nthe process of spoiled\/hanging.test.ts ended before its time \(SIGKILL\)/,
  ],
  empty: ["test('is never run', () => {});", /spoiled\/empty.test.ts has no test/],
};

test('a file that fails, throws, leaves, crashes, hangs or runs nothing is counted, and the next ones run', async () => {
  const tree = new Tree();
  try {
    for (const [name, [text]] of Object.entries(SPOILED))
      tree.write(`test/spoiled/${name}.test.ts`, `import { test } from 'uvu';\n${text}\n`);
    tree.write('test/spoiled/last.test.ts', "import { test } from 'uvu';\ntest('good', () => {});\ntest.run();\n");
    const check: Check = {
      name: 'spoiled',
      args: ['scripts/test.mjs', 'test/spoiled'],
      env: { TEST_SILENCE_MS: '5000' },
    };
    const { verdict, output } = await tree.run(check, 120);
    assert.is(verdict, 'failed');
    for (const [, said] of Object.values(SPOILED)) assert.match(output, said, output);
    assert.match(output, /(?:^failed: .*spoiled.*\n){6}1 passed, 6 failed, 0 skipped$/m, output);
  } finally {
    tree.remove();
  }
});

test.run();
