import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { InputError } from '../../src/base/errors';
import { cacheDir, cacheEntries, clearCache, listAdapters, requestAdapter } from '../../src/device/node';
import { needs } from '../../src/device/node/preload';
import type { Route } from '../../src/device/node/route';
import { useSoftwareDriver } from '../../src/device/node/software';

const test = suite('adapter');
const linux = process.platform === 'linux';
const scratch = mkdtempSync(join(tmpdir(), 'adapter-test-'));
test.after(() => rmSync(scratch, { recursive: true, force: true }));

/** Runs open_device.ts in a process of its own. */
function open(args: string[], env: Record<string, string> = {}) {
  const built = 'build/run/open_device/open_device.js';
  const program = existsSync(built) && bundled ? [built] : ['scripts/run.mjs', 'test/device/open_device.ts'];
  bundled = true;
  return new Promise<{ code: number | null; out: string; err: string }>((resolve) => {
    const child = execFile(
      process.execPath,
      [...program, ...args],
      { env: { ...process.env, ...env } },
      (_, out, err) => resolve({ code: child.exitCode, out, err }),
    );
  });
}
let bundled = false;

test('the best adapter, and the software one, come out', async () => {
  const best = await requestAdapter();
  assert.ok(best.name.length > 0);
  const { adapter, software } = await requestAdapter({ gpu: 'Software' });
  assert.is(software, true);
  assert.ok(adapter.limits.maxStorageBufferBindingSize >= 128 << 20);
});

test('an adapter is picked by index and by a part of its name, in any case', async () => {
  await requestAdapter();
  const names = await listAdapters();
  assert.ok(names.length > 0);
  const byIndex = await requestAdapter({ gpu: '0' });
  const part = names[0].slice(1, 7).toUpperCase();
  assert.is((await requestAdapter({ gpu: part })).name, byIndex.name);
});

test('a gpu that there is not: an InputError that lists those that there are', async () => {
  const names = await listAdapters();
  for (const gpu of ['riva tnt', '17', '']) {
    const error = await requestAdapter({ gpu }).then(
      () => undefined,
      (e) => e,
    );
    assert.instance(error, InputError);
    for (const name of names) assert.ok(error.message.includes(name), error.message);
  }
});

test('a process ends by itself and with its own exit code, whatever the device is doing', async () => {
  const natural = await open(['']);
  assert.is(natural.out.trim().endsWith('read 1 2 3'), true, natural.err);
  assert.is(natural.code, 5);
  assert.is((await open(['', 'exit'])).code, 3);
  const thrown = await open(['', 'throw']);
  assert.is(thrown.code, 1);
  assert.match(thrown.err, 'boom');
});

test('a second start fetches nothing', async () => {
  await requestAdapter({ gpu: 'software' });
  const { code, out, err } = await open(['software']);
  assert.is(code, 5, err);
  assert.match(out, 'software true');
  assert.not.match(err, /fetching/);
});

test('no driver and no way to one: exit code 1 and the commands for each system', async () => {
  if (!linux) return console.log('(skipped: only Linux sets a driver up)');
  const empty = join(scratch, 'empty');
  mkdirSync(empty);
  const { code, err } = await open(['software'], {
    PATH: empty,
    XDG_CACHE_HOME: empty,
    VK_DRIVER_FILES: '/nonexistent',
  });
  assert.is(code, 1);
  for (const part of ['Debian', 'Ubuntu', 'Fedora', 'Arch', 'macOS', 'Windows', 'apt-get install', 'dnf', 'pacman'])
    assert.ok(err.includes(part), `${part}:\n${err}`);
  assert.equal(readdirSync(empty), []);
});

test('half a driver in the cache is repaired by a real fetch, said in one line', async () => {
  if (!linux) return console.log('(skipped: only Linux sets a driver up)');
  const home = join(scratch, 'damaged');
  for (const name of ['lavapipe', 'swiftshader']) {
    const lib = join(home, 'emotion-gcn', name, 'lib');
    mkdirSync(lib, { recursive: true });
    writeFileSync(join(lib, 'libvulkan.so.1'), 'half a');
  }
  const env = { XDG_CACHE_HOME: home, VK_DRIVER_FILES: '/nonexistent' };
  const { code, out, err } = await open(['software'], env);
  if (
    /could not (resolve|connect)|temporary failure|timed out|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|unable to connect|unreachable/i.test(
      err,
    )
  )
    return console.log('(skipped: no network)');
  assert.is(code, 5, err);
  assert.match(out, 'software true');
  assert.is(err.match(/fetching .* MiB.* into .*/g)?.length, 1, err);
});

/** A driver that is copied from what this machine's cache holds: the life of the cache without a network. */
function localRoute(fill: (folder: string) => void): Route & { fills: number } {
  const route = {
    name: 'local',
    title: 'Local driver',
    source: 'here',
    mib: { fetched: 0, kept: 0 },
    driver: 'driver.so',
    icd: 'icd.json',
    fills: 0,
    hindrance: () => undefined,
    fill: async (folder: string) => {
      route.fills++;
      await new Promise((done) => setTimeout(done, 20));
      fill(folder);
    },
  };
  return route;
}

/** Runs `fn` with a cache folder of its own, and puts the driver that was in use back. */
async function withCache(name: string, fn: (home: string) => Promise<void>): Promise<void> {
  const { XDG_CACHE_HOME, VK_DRIVER_FILES, VK_ICD_FILENAMES, VK_LOADER_DRIVERS_DISABLE } = process.env;
  const home = join(scratch, name);
  process.env.XDG_CACHE_HOME = home;
  try {
    await fn(home);
  } finally {
    for (const [key, value] of Object.entries({
      XDG_CACHE_HOME,
      VK_DRIVER_FILES,
      VK_ICD_FILENAMES,
      VK_LOADER_DRIVERS_DISABLE,
    }))
      if (value === undefined) delete process.env[key];
      else process.env[key] = value;
  }
}

const dawn = `node_modules/webgpu/dist/${process.platform}-${process.arch}/dawn.node`; // any library will do

test('a cached driver is used as it is; a damaged one is made anew; two at once do no harm', async () => {
  if (!linux) return console.log('(skipped: only Linux sets a driver up)');
  await withCache('local', async (home) => {
    const folder = join(home, 'emotion-gcn', 'local');
    const driver = join(folder, 'lib', 'driver.so');
    const route = localRoute((to) => {
      mkdirSync(join(to, 'lib'));
      cpSync(dawn, join(to, 'lib', 'driver.so'));
      writeFileSync(join(to, 'icd.json'), '{}');
    });
    const said: string[] = [];
    const use = () =>
      useSoftwareDriver(
        async () => true,
        (line) => said.push(line),
        [route],
      );

    assert.equal(await Promise.all([use(), use()]), [undefined, undefined]);
    assert.is(route.fills, 2);
    assert.equal(readdirSync(join(home, 'emotion-gcn')), ['local']);
    assert.is(await use(), undefined);
    assert.is(route.fills, 2);

    const damages = [
      () => rmSync(driver),
      () => truncateSync(driver, 1000),
      () => writeFileSync(driver, ''),
      () => rmSync(join(folder, 'icd.json')),
      () => writeFileSync(join(folder, 'manifest.json'), '{"'),
      () => rmSync(folder, { recursive: true }),
    ];
    for (const [i, damage] of damages.entries()) {
      damage();
      assert.is(await use(), undefined, String(damage));
      assert.is(route.fills, 3 + i, String(damage));
    }
    assert.is(said.length, route.fills);
    assert.equal(readdirSync(join(home, 'emotion-gcn')), ['local']);
  });
});

test('a route that fails leaves nothing behind, says why, and the next one serves', async () => {
  if (!linux) return console.log('(skipped: only Linux sets a driver up)');
  await withCache('failing', async (home) => {
    const broken = localRoute((to) => {
      writeFileSync(join(to, 'half'), '');
      throw new Error('the mirror is away');
    });
    const said: string[] = [];
    const reasons = await useSoftwareDriver(
      async () => true,
      (line) => said.push(line),
      [broken],
    );
    assert.equal(reasons, ['Local driver: the mirror is away']);
    assert.match(said.at(-1) as string, 'the mirror is away');
    assert.equal(readdirSync(join(home, 'emotion-gcn')), []);
    const good = { ...localRoute(() => {}), name: 'good' };
    good.fill = async (to) => {
      mkdirSync(join(to, 'lib'));
      cpSync(dawn, join(to, 'lib', 'driver.so'));
    };
    assert.is(await useSoftwareDriver(async () => true, () => {}, [broken, good]), undefined);
    const useless = await useSoftwareDriver(async () => false, () => {}, [good]);
    assert.equal(useless, ['Local driver: it loads, but offers no adapter']);
    assert.equal(readdirSync(join(home, 'emotion-gcn')), ['good'], 'what is whole is not deleted');
  });
});

test('off-line: what is whole stays and is used, also as a copy with other times; variables of other programs do not hide it', async () => {
  if (!linux) return console.log('(skipped: only Linux sets a driver up)');
  await withCache('smb-share:server=nas,share=x', async (home) => {
    const folder = join(home, 'emotion-gcn', 'local');
    let online = true;
    const route = localRoute((to) => {
      if (!online) throw new Error('no network');
      mkdirSync(join(to, 'lib'));
      cpSync(dawn, join(to, 'lib', 'driver.so'));
      writeFileSync(join(to, 'icd.json'), '{}');
    });
    /** There is an adapter where the loader, which takes its list apart at colons, finds the file, and nothing hides it. */
    const found = async () =>
      !process.env.VK_LOADER_DRIVERS_DISABLE &&
      (process.env.VK_DRIVER_FILES as string).split(':').every((file) => existsSync(file));
    const use = (usable = found) => useSoftwareDriver(usable, () => {}, [route]);
    const whole = () => readdirSync(folder, { recursive: true }).sort().join();
    assert.is(await use(), undefined);
    online = false;
    process.env.VK_LOADER_DRIVERS_DISABLE = '*';
    process.env.VK_DRIVER_FILES = '/nonexistent';
    assert.is(await use(), undefined);
    assert.is(route.fills, 1);

    process.env.VK_DRIVER_FILES = '/mine';
    const [why] = (await use(async () => false)) as string[];
    assert.match(why, /it loads, but offers no adapter .*local.*another cannot be had: no network/);
    assert.is(whole(), 'icd.json,lib,lib/driver.so,manifest.json');
    assert.is(process.env.VK_DRIVER_FILES, '/mine', 'what was set is set again');

    utimesSync(join(folder, 'icd.json'), 1, 1);
    assert.is(await use(), undefined);
    assert.is(route.fills, 3);
    assert.is(await use(), undefined);
    assert.is(route.fills, 3, 'a copy that does is not fetched again');

    truncateSync(join(folder, 'icd.json'), 1);
    assert.equal(await use(), ['Local driver: no network']);
    assert.not(existsSync(folder), 'what is damaged goes');
  });
});

test('without a home folder: HOME is not looked for in the working directory, and the message says what to set', () => {
  const { XDG_CACHE_HOME, HOME } = process.env;
  delete process.env.XDG_CACHE_HOME;
  try {
    for (const home of ['', 'relative']) {
      process.env.HOME = home;
      assert.ok(isAbsolute(cacheDir()), cacheDir());
    }
    if (!linux || process.geteuid?.() !== 0) return console.log('(skipped: to be a user without a name needs root)');
    delete process.env.HOME;
    assert.ok(isAbsolute(cacheDir()), 'by the entry of the user');
    process.seteuid?.(12345);
    for (const home of [undefined, '']) {
      if (home !== undefined) process.env.HOME = home;
      assert.throws(
        cacheDir,
        (e: Error) => e instanceof InputError && /no home folder .*set XDG_CACHE_HOME/.test(e.message),
      );
    }
  } finally {
    if (process.getuid?.() === 0) process.seteuid?.(0);
    for (const [name, value] of Object.entries({ XDG_CACHE_HOME, HOME }))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  }
});

test('a library tells what it needs; a file that is none is called damaged', () => {
  if (!linux) return console.log('(skipped: ELF is of Linux)');
  const names = needs(dawn);
  assert.ok(
    names.some((n) => n.startsWith('libc.so')),
    names.join(' '),
  );
  const file = join(scratch, 'none.so');
  writeFileSync(file, 'not a library'.repeat(10));
  assert.throws(() => needs(file), /damaged/);
  writeFileSync(file, '');
  assert.throws(() => needs(file), /damaged/);
});

test('the cache lies where XDG says, lists its entries with their sizes, and is cleared', async () => {
  await withCache('listed', async (home) => {
    assert.is(cacheDir(), join(home, 'emotion-gcn'));
    assert.equal(cacheEntries(), []);
    mkdirSync(join(cacheDir(), 'crops', 'ab'), { recursive: true });
    writeFileSync(join(cacheDir(), 'crops', 'ab', '1'), Buffer.alloc(1000));
    writeFileSync(join(cacheDir(), 'crops', '2'), Buffer.alloc(24));
    mkdirSync(join(cacheDir(), 'driver'));
    assert.equal(
      cacheEntries().map(({ name, bytes }) => [name, bytes]),
      [
        ['crops', 1024],
        ['driver', 0],
      ],
    );
    assert.equal(
      clearCache('crops').map((e) => e.name),
      ['crops'],
    );
    assert.equal(readdirSync(cacheDir()), ['driver']);
    clearCache();
    assert.equal(readdirSync(cacheDir()), []);
    process.env.XDG_CACHE_HOME = 'relative';
    assert.match(cacheDir(), /^\/.*\.cache.emotion-gcn$/);
  });
});

test.run();
