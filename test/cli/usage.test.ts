import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TRAIN_SETTINGS } from '../../src/train/settings/args';
import { given } from '../given';
import { makeFolder } from '../ui/made_folder';
import { programFile, run } from './program';

const test = suite('usage', { dir: '', csv: '' });
test.before((context) => {
  context.dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-cli-'));
  context.csv = join(context.dir, 'training.csv');
  writeFileSync(context.csv, 'a,b\n1,2\n');
});
test.after(({ dir }) => rmSync(dir, { recursive: true }));

/** Wrong usage: exit code 2, nothing on stdout, one message on stderr that fits, no stack. */
async function refused(args: readonly string[], message: RegExp): Promise<void> {
  const { code, out, err } = await run(args);
  assert.match(err, message, args.join(' '));
  assert.is(code, 2, args.join(' '));
  assert.is(out, '');
  assert.match(err, /^error: [^\n]+\n$/);
  assert.not.match(err, /\n\s+at |node_modules|\.js:\d/);
}

test('wrong flags, commands and arguments', async () => {
  await refused(['fly'], /unknown command 'fly'; see emotion-gcn --help/);
  await refused(
    ['train', '--epoch', '3'],
    /unknown option '--epoch' \(Did you mean --epochs\?\); see emotion-gcn train --help/,
  );
  await refused(['train', '--epochs'], /'--epochs <N>' argument missing/);
  await refused(['train', '--data', '--val_data', 'x'], /--data expects a value, found the flag --val_data/);
  await refused(['train', 'now'], /too many arguments/);
  await refused(['predict', '--saved_model', 'x'], /missing required argument 'SOURCE'/);
  await refused(['train'], /missing: --data PATH, --saved_model DIR/);
  await refused(['train', '--resume'], /missing: --saved_model DIR/);
  await refused(['train', '--ui'], /missing: --data PATH, --saved_model DIR/);
  await refused(['train', '--ui', '--dry_run'], /--ui shows a run: --dry_run and --lr_find make none/);
  await refused(['ui'], /missing required argument 'RUN'/);
  await refused(['ui', '.'], /ui expects the folder of a run, found one with no file of a run: \./);
  await refused(['ui', 'package.json'], /ui expects the folder of a run, found a file/);
  await refused(['ui', '.', '--port', '99999'], /--port expects a whole number from 0 to 65535, found "99999"/);
  await refused(['synth'], /missing: --out DIR/);
  await refused(['train', '--progress', 'bars'], /--progress expects one of bar, lines, json, off, found "bars"/);
  await refused(['demo', '--quiet', '--progress', 'json'], /--quiet is --progress off: give one of them/);
  await refused(
    ['predict', 'a.jpg', '--progress', 'json'],
    /--progress json writes to stdout, where predictions go: give them an --out FILE/,
  );
  await refused(
    ['explain', 'a.jpg', '--progress', 'json'],
    /--progress json writes to stdout, where what is explained/,
  );
});

test('wrong values, in both spellings of a flag', async ({ dir, csv }) => {
  const train = ['train', '--image_dir', dir, '--data', csv, '--saved_model', join(dir, 'run')];
  await refused(
    [...train, '--batch_size', '0'],
    /--batch_size expects a whole number from 1 to 65536, or auto, found "0"/,
  );
  await refused(
    [...train, '--batch-size', 'x'],
    /--batch_size expects a whole number from 1 to 65536, or auto, found "x"/,
  );
  await refused(
    [...train, '--batch-size=2.5'],
    /--batch_size expects a whole number from 1 to 65536, or auto, found "2.5"/,
  );
  await refused([...train, '--lr', '-1'], /--lr expects a number above 0, found "-1"/);
  await refused([...train, '--model', 'gcn'], /--model expects one of emotion_gcn, single_task, multi_task/);
  await refused([...train, '--image-size', '224'], /--image_size expects 227, or 93 to 188 .* found 224/);
  await refused([...train, '--network', 'bregnext', '--image_size', '90'], /--image_size expects a multiple of 4/);
  await refused(['synth', '--out', join(dir, 's'), '--n', 'many'], /--n expects a whole number from 1, found "many"/);
  assert.not(existsSync(join(dir, 'run')), 'no run folder for a run that did not start');
});

test('missing files, folders and runs', async ({ dir, csv }) => {
  const to = ['--saved_model', join(dir, 'run')];
  const no = join(dir, 'nothing');
  await refused(
    ['train', '--image_dir', no, '--data', csv, ...to],
    /--image_dir expects a folder, found nothing at .*nothing/,
  );
  await refused(['train', '--image_dir', dir, '--data', no, ...to], /--data expects a file or a folder, found nothing/);
  await refused(['train', '--data', csv, ...to], /missing: --image_dir DIR, the folder .*training.csv start from/);
  await refused(['train', '--image_dir', csv, '--data', csv, ...to], /--image_dir expects a folder, found a file/);
  await refused(['train', '--image_dir', dir, '--data', csv, '--emb', no, ...to], /--emb expects a file/);
  await refused(['train', '--resume', ...to], /--saved_model expects the folder of a run, found nothing there/);
  await refused(['evaluate', '--image_dir', dir, '--data', csv, ...to], /--saved_model expects the folder of a run/);
  await refused(['predict', 'face.jpg', '--saved_model', dir], /found no args.json in it/);
});

test('a CSV without the columns is named, with what was found, and leaves no run folder', async ({ dir, csv }) => {
  const saved_model = join(dir, 'run');
  const args = ['train', '--image_dir', dir, '--data', csv, '--emb', 'random', '--saved_model', saved_model];
  await refused(args, /training.csv: line 1: missing columns subDirectory_filePath.*found "a,b"/);
  assert.not(existsSync(saved_model));
});

test('a run is not overwritten', async ({ dir, csv }) => {
  const saved_model = join(dir, 'taken');
  mkdirSync(saved_model);
  writeFileSync(join(saved_model, 'args.json'), '{}');
  const args = ['train', '--image_dir', dir, '--data', csv, '--emb', 'random', '--saved_model', saved_model];
  await refused(args, /taken holds a run already; go on with it by --resume, or give another --saved_model/);
  assert.is(readFileSync(join(saved_model, 'args.json'), 'utf8'), '{}');
});

test('help for the program and each command, with examples; every setting of training is there', async () => {
  const top = await run(['--help']);
  assert.is(top.code, 0);
  const commands = [
    'train',
    'evaluate',
    'predict',
    'explain',
    'export',
    'ui',
    'report',
    'compare',
    'gradcheck',
    'inspect',
    'demo',
    'synth',
    'doctor',
    'cache',
  ];
  for (const command of commands) {
    assert.match(top.out, new RegExp(`\n  ${command} `));
    const { code, out, err } = await run([command, '--help']);
    assert.is(code, 0);
    assert.is(err, '');
    assert.match(out, new RegExp(`Examples?:\n  emotion-gcn ${command}`), command);
  }
  const { out } = await run(['train', '--help']);
  const groups = out
    .slice(out.indexOf('\n\n'), out.indexOf('\nExamples:'))
    .split(/\n(?=\S.*:\n)/)
    .map((group): [string, string[]] => [
      group.trim().split('\n')[0],
      [...group.matchAll(/^ {2}(?:-\w, )?--(\w+)/gm)].map(([, name]) => name),
    ])
    .filter(([, flags]) => flags.length > 0);
  assert.equal(
    groups.map(([heading]) => heading),
    ['Data', 'Recipe', 'Network', 'Loss', 'Optimization', 'Order and augmentation', 'Machine', 'Run', 'Options'].map(
      (g) => `${g}:`,
    ),
  );
  assert.equal(groups.at(-1)?.[1], ['help'], 'every flag of its own has a theme');
  const flags = groups.flatMap(([, names]) => names).sort();
  assert.equal(
    flags,
    [
      ...Object.keys(TRAIN_SETTINGS),
      ...['resume', 'config', 'profile', 'dry_run', 'lr_find', 'out', 'progress', 'quiet', 'ui', 'help'],
    ].sort(),
  );
});

test('no command: the help on stderr, exit code 2; the version alone on stdout', async () => {
  const none = await run([]);
  assert.is(none.code, 2);
  assert.is(none.out, '');
  assert.match(none.err, 'Usage: emotion-gcn');
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  assert.equal(await run(['--version']), { code: 0, out: `${version}\n`, err: '' });
});

test('synth writes an annotated set that its own output names', async ({ dir }) => {
  const out = join(dir, 'faces');
  const ended = await run(['synth', '--out', out, '--n', '7', '--validation', '7', '--size', '32', '--seed', '3']);
  assert.is(ended.code, 0, ended.err);
  assert.is(ended.out, `${join(out, 'training.csv')}\n${join(out, 'validation.csv')}\n`);
  assert.is(readFileSync(join(out, 'training.csv'), 'utf8').trimEnd().split('\n').length, 8);
});

test('ui prints its link, and ends with Ctrl-C', async ({ dir }) => {
  const at = join(dir, 'shown');
  makeFolder(at);
  const { code, out, err } = await run(['ui', at, '--port', '0'], { interruptAt: /Ctrl-C/ });
  assert.is(code, 130, err);
  assert.match(out, /^http:\/\/127\.0\.0\.1:\d+\/\?token=[0-9a-f]{32}\n$/);
});

test('cache lists and clears what is kept, and nothing else', async ({ dir }) => {
  const env = { XDG_CACHE_HOME: join(dir, 'xdg') };
  const kept = join(dir, 'xdg', 'emotion-gcn');
  assert.match((await run(['cache'], { env })).out, `${kept}: nothing`);
  for (const name of ['crops', 'driver']) {
    mkdirSync(join(kept, name), { recursive: true });
    writeFileSync(join(kept, name, 'file'), Buffer.alloc(3 << 20));
  }
  writeFileSync(join(dir, 'xdg', 'other'), '');
  const listed = await run(['cache'], { env });
  assert.match(listed.out, /crops +3\.0 MiB\ndriver +3\.0 MiB\n/);
  const wrong = await run(['cache', '--clear', 'crop'], { env });
  assert.is(wrong.code, 2);
  assert.match(wrong.err, /--clear expects one of the entries in .*, found crop; there is crops, driver/);
  assert.is((await run(['cache', '--clear', 'crops'], { env })).code, 0);
  assert.not(existsSync(join(kept, 'crops')));
  assert.ok(existsSync(join(kept, 'driver')));
  assert.match((await run(['cache', '--clear'], { env })).out, /removed from .*\ndriver/);
  assert.not(existsSync(join(kept, 'driver')));
  assert.ok(existsSync(join(dir, 'xdg', 'other')));
});

test('a stack only on request', async ({ dir }) => {
  const { code, err } = await run(['predict', 'a.jpg', '--saved_model', dir], { env: { EMOTION_GCN_DEBUG: '1' } });
  assert.is(code, 2);
  assert.match(err, /^error: [^\n]+\nInputError: .*\n +at /);
});

const posix = given(test, process.platform !== 'win32', 'bash');

posix('a reader that goes away and a closed stdout are no error', () => {
  const shell = (command: string) =>
    spawnSync('bash', ['-c', command, process.execPath, programFile()], { encoding: 'utf8' });
  const piped = shell('set -o pipefail; "$0" "$1" train --help | head -1; echo $?');
  assert.is(piped.stdout, 'Usage: emotion-gcn train [options]\n0\n');
  assert.is(piped.stderr, '');
  const closed = shell('"$0" "$1" --version >&-');
  assert.is(closed.status, 0);
  assert.is(closed.stderr, '');
});

given(
  test,
  existsSync('/dev/full'),
  '/dev/full',
)('a full disk is an error', () => {
  const full = spawnSync('bash', ['-c', '"$0" "$1" --version > /dev/full', process.execPath, programFile()], {
    encoding: 'utf8',
  });
  assert.is(full.status, 1);
  assert.match(full.stderr, /^error: .*no space left/);
});

/** The packages that a command loads, by V8's own account of its scripts. */
function packagesOf(dir: string, args: readonly string[]): string[] {
  const NODE_V8_COVERAGE = mkdtempSync(join(dir, 'scripts-'));
  execFileSync(process.execPath, [programFile(), ...args], { env: { ...process.env, NODE_V8_COVERAGE } });
  const [file] = readdirSync(NODE_V8_COVERAGE);
  const { result } = JSON.parse(readFileSync(join(NODE_V8_COVERAGE, file), 'utf8')) as { result: { url: string }[] };
  const names = result.map(({ url }) => url.match(/.*\/node_modules\/((@[^/]+\/)?[^/]+)/)?.[1] ?? '');
  return [...new Set(names)].filter(Boolean).sort();
}

test('starting is fast: no other command is loaded, no decoder and no engine before there is work', ({ dir }) => {
  assert.equal(packagesOf(dir, ['ui', '--help']), ['commander']);
  assert.equal(packagesOf(dir, ['doctor', '--help']), ['commander']);
  for (const command of ['train', 'evaluate', 'predict', 'export'])
    for (const name of packagesOf(dir, [command, '--help']))
      assert.not(['sharp', 'yazl', 'webgpu', 'echarts'].includes(name), `${command} loads ${name}`);
});

test.run();
