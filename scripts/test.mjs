// Bundles test/**/*.test.ts and runs them with uvu, two files at a time: node scripts/test.mjs [--whole] [--soak] [--seed N] [part of a path ...]
// --whole: what is tried in short otherwise (test/browser, test/mpi) is tried as a whole; --soak: what shows itself once in many runs, too;
// --seed: of what is drawn at random (test/properties).
// Closes with the line `N passed, N failed, N skipped`; exit 1 if any failed or none was found.
import { fork } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { bundle, bundleProgram, WORKERS } from './bundle.mjs';
import { buildPage } from './page.mjs';

const PROCESSES = 2;
/** MiB of a process, which keeps device and kernels from one file to the next, from which another takes over. */
const MOST = 1024;
/** Milliseconds without a word after which a process hangs. What is tried as a whole may say nothing for longer. */
const SILENCE = Number(process.env.TEST_SILENCE_MS || 20 * 60_000);
/** What takes longest begins first: parts of paths. */
const LONG = [
  'on_nan',
  'browser/',
  'goldens',
  'reproduce',
  'survive',
  'commands',
  'crash',
  'formats/python',
  'train/',
  'cli/',
];

const args = process.argv.slice(2);
const [, seed = ''] = args.includes('--seed') ? args.splice(args.indexOf('--seed'), 2) : [];
const wanted = args.filter((arg) => arg !== '--whole' && arg !== '--soak');
const whole = args.includes('--whole');
const rank = (file) => (LONG.findIndex((part) => file.includes(part)) + LONG.length + 1) % (LONG.length + 1);
const files = readdirSync('test', { recursive: true })
  .filter((f) => f.endsWith('.test.ts') && (wanted.length === 0 || wanted.some((w) => `test/${f}`.includes(w))))
  .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
/** Tests get uvu by way of test/attended.ts. */
const attended = {
  name: 'attended',
  setup({ onResolve }) {
    const path = resolve('test/attended.ts');
    onResolve({ filter: /^uvu$/ }, ({ importer }) => (importer === path ? { path: 'uvu', external: true } : { path }));
  },
};
const outdir = `build/test-${process.pid}`;
const { metafile } = await bundle({
  entryPoints: {
    ...Object.fromEntries(files.map((f) => [f.slice(0, -3), `test/${f}`])),
    ...WORKERS,
  },
  outdir,
  metafile: true,
  plugins: [attended],
});
await buildPage(outdir);
/** The program, for all tests that start it. */
const program = 'test/cli/program.ts' in metafile.inputs ? resolve(outdir, 'program') : '';
if (program) await bundleProgram(program);

const sum = { passed: 0, skipped: 0 };
/** What failed, each once: told again at the end of a long output. */
const failures = [];
const queue = [...files];
const temporary = folder(join(tmpdir(), 'emotion-gcn-test-'));
await Promise.all(
  Array.from({ length: Math.min(PROCESSES, files.length) }, async () => {
    while (queue.length > 0) await runSome();
  }),
);
for (const made of [outdir, temporary])
  try {
    rmSync(made, { recursive: true, force: true });
  } catch (error) {
    console.log(`${made} stays: ${error.message}`);
  }
for (const line of failures) console.log(`failed: ${line}`);
console.log(`${sum.passed} passed, ${failures.length} failed, ${sum.skipped} skipped`);
process.exit(failures.length > 0 || sum.passed + sum.skipped === 0 ? 1 : 0);

/** A new folder, which others may look into, as they may into the system's own. */
function folder(prefix) {
  const made = mkdtempSync(prefix);
  chmodSync(made, 0o755);
  return made;
}

/** Runs files of the queue in one process, until there is none, or the process has grown too large or is gone. */
function runSome() {
  // A folder for temporary files of its own: some tests look at what is left there.
  const TMPDIR = folder(join(temporary, 'p'));
  const child = fork('scripts/test_process.mjs', {
    execArgv: ['--enable-source-maps'],
    // Of what takes long, what is said on the way comes at once.
    stdio: ['ignore', 'pipe', whole ? 'inherit' : 'pipe', 'ipc'],
    env: {
      ...process.env,
      TMPDIR,
      // What Mesa has compiled is everybody's, in its own place: also where a test has a cache folder of its own, or there is no HOME.
      MESA_SHADER_CACHE_DIR:
        process.env.MESA_SHADER_CACHE_DIR || process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
      PROGRAM: program,
      WHOLE: whole ? '1' : '',
      SOAK: args.includes('--soak') ? '1' : '',
      SEED: seed,
      ...(process.stdout.isTTY && { FORCE_COLOR: '1' }),
    },
  });
  let [file, text] = ['', ''];
  let silence;
  const heard = () => {
    clearTimeout(silence);
    if (whole) return;
    silence = setTimeout(() => {
      text += `\n${SILENCE / 60_000} minutes without a word\n`;
      child.kill('SIGKILL');
    }, SILENCE);
  };
  const next = () => {
    file = queue.shift() ?? '';
    child.send(file && `${outdir}/${file.slice(0, -3)}.js`);
  };
  const read = (chunk) => {
    heard();
    text += chunk;
    // What the process writes behind a file: its size in MiB.
    const [block, mib, rest] = text.split(/\0(\d+)\n/);
    if (mib === undefined) return;
    const ran = tell(file, block);
    [file, text] = ['', rest];
    // Tests that were not run would run with the next file's.
    if (!ran || Number(mib) > MOST) child.send('');
    else next();
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', read);
  heard();
  next();
  return new Promise((done) =>
    child.on('close', (code, signal) => {
      clearTimeout(silence);
      if (file || code !== 0) {
        const what = `the process of ${file || 'tests'} ended before its time (${signal ?? `exit ${code}`})`;
        failures.push(what);
        tell(file, `${text}\n${what}\n`);
      }
      done();
    }),
  );
}

/** Prints what a file wrote, and adds up what uvu says at its end. Returns whether it has any test. */
function tell(file, block) {
  const plain = block.replace(/\x1b\[\d+m/g, '');
  // Its own sum is the last: a test that fails may tell of others.
  const count = (name) => Number([...plain.matchAll(new RegExp(`^ {2}${name}:\\s+(\\d+)`, 'gm'))].at(-1)?.[1] ?? 0);
  const [total, passed, skipped] = [count('Total'), count('Passed'), count('Skipped')];
  sum.passed += passed;
  sum.skipped += skipped;
  const names = [...plain.matchAll(/^ {3}FAIL {2}(.*)$/gm)].map(([, name]) => name);
  for (let i = 0; i < total - passed; i++) failures.push(`${file} ${names[i] ?? 'as it was loaded'}`);
  process.stdout.write(`${file}\n${block}`);
  const none = /^ {2}Total:/m.test(plain) && total + skipped === 0;
  if (none) {
    const what = `${file} has no test: does it end with test.run()?`;
    failures.push(what);
    console.log(`${what}\n`);
  }
  return !none;
}
