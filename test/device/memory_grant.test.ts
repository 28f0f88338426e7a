// What memory is granted, by texts of both versions of cgroups as machines show them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { grantOf, MARGIN } from '../../src/device/node/memory';

const test = suite('memory');
const MIB = 2 ** 20;
const FREE = 60_000 * MIB;

/** What is left by files of these texts, in MiB. */
const left = (files: Record<string, string>, free = FREE): number => {
  const grant = grantOf(free, (file) => files[file]);
  assert.is(grant.bytes, Math.max(0, grant.left - MARGIN));
  return grant.left / MIB;
};

const V2 = '35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n';
const V1 =
  '31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n' +
  '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n' +
  '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n' +
  '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n';

/** The files of a cgroup of version 2, in MiB. */
const v2 = (folder: string, max: string | number, current: number, inactive = 0, high = 'max') => ({
  [`${folder}/memory.max`]: typeof max === 'string' ? `${max}\n` : `${max * MIB}\n`,
  [`${folder}/memory.high`]: `${high}\n`,
  [`${folder}/memory.current`]: `${current * MIB}\n`,
  [`${folder}/memory.stat`]: `anon 1\ninactive_anon 9\ninactive_file ${inactive * MIB}\nactive_file 7\n`,
});

/** The same of version 1. */
const v1 = (folder: string, limit: number, usage: number, inactive = 0) => ({
  [`${folder}/memory.limit_in_bytes`]: `${limit * MIB}\n`,
  [`${folder}/memory.usage_in_bytes`]: `${usage * MIB}\n`,
  [`${folder}/memory.stat`]: `cache 1\ninactive_file 1\ntotal_inactive_anon 5\ntotal_inactive_file ${inactive * MIB}\n`,
});
const UNLIMITED = 8796093022207.996; // 9223372036854771712 bytes

test('no cgroups, and none with a limit: what the machine has free', () => {
  assert.is(left({}), 60_000);
  assert.match(grantOf(FREE, () => undefined).by, 'the 60000 MiB that this machine has free, less 448 for');
  const root = { '/proc/self/mountinfo': V2, '/proc/self/cgroup': '0::/\n' };
  assert.is(left(root), 60_000);
  assert.is(left({ ...root, ...v2('/sys/fs/cgroup', 'max', 500) }), 60_000);
  const old = { '/proc/self/mountinfo': V1, '/proc/self/cgroup': '4:memory:/\n0::/\n' };
  assert.is(left({ ...old, ...v1('/sys/fs/cgroup/memory', UNLIMITED, 900) }), 60_000);
});

test('version 2: the limit less what is used, of which cached files are free; a container sees itself as the root', () => {
  const files = { '/proc/self/mountinfo': V2, '/proc/self/cgroup': '0::/\n' };
  assert.is(left({ ...files, ...v2('/sys/fs/cgroup', 700, 300, 120) }), 520);
  assert.is(left({ ...files, ...v2('/sys/fs/cgroup', 700, 100, 120) }), 700, 'cached files of another process');
  assert.is(left({ ...files, ...v2('/sys/fs/cgroup', 'max', 300, 120, String(600 * MIB)) }), 420, 'memory.high');
  assert.is(left({ ...files, ...v2('/sys/fs/cgroup', 700, 300) }, 90 * MIB), 90, 'the machine has less');
  assert.is(left({ ...files, ...v2('/sys/fs/cgroup', 700, 800) }), 0);
});

test('version 2: nested, where the least of all limits counts, whoever sets it', () => {
  const files = { '/proc/self/mountinfo': V2, '/proc/self/cgroup': '0::/user.slice/run-1.scope\n' };
  const [own, above] = ['/sys/fs/cgroup/user.slice/run-1.scope', '/sys/fs/cgroup/user.slice'];
  assert.is(left({ ...files, ...v2(own, 900, 100) }), 800);
  assert.is(left({ ...files, ...v2(own, 'max', 100), ...v2(above, 2000, 1700, 200) }), 500);
  assert.is(left({ ...files, ...v2(own, 900, 100), ...v2(above, 2000, 1700, 200) }), 500);
  assert.is(left({ ...files, ...v2(own, 400, 100), ...v2(above, 2000, 1700, 200) }), 300);
  const { by } = grantOf(FREE, (file) => ({ ...files, ...v2(above, 2000, 1700, 200) })[file as never]);
  assert.match(by, 'the 500 MiB that the memory limit of this container leaves (2000 MiB, /sys/fs/cgroup/user.slice)');
});

test('version 1, alone and beside an empty version 2; Docker shows a container its part of the tree', () => {
  const files = { '/proc/self/mountinfo': V1, '/proc/self/cgroup': '8:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n' };
  const at = '/sys/fs/cgroup/memory';
  assert.is(left({ ...files, ...v1(`${at}/a/b`, 700, 300, 120), ...v1(`${at}/a`, UNLIMITED, 4000) }), 520);
  assert.is(left({ ...files, ...v1(`${at}/a/b`, 700, 300), ...v1(`${at}/a`, 1000, 900, 100) }), 200);
  assert.is(left({ ...files, ...v1('/sys/fs/cgroup/cpu/a', 1, 1) }), 60_000, 'another controller');
  const id = '/docker/9f0c';
  const shown = {
    '/proc/self/mountinfo': `700 699 0:29 ${id} ${at} ro,nosuid master:18 - cgroup cgroup rw,memory\n`,
    '/proc/self/cgroup': `4:memory:${id}\n`,
  };
  assert.is(left({ ...shown, ...v1(at, 700, 300, 120) }), 520);
  const other = { ...shown, '/proc/self/cgroup': '4:memory:/kubepods/x\n' };
  assert.is(left({ ...other, ...v1(at, 700, 300, 120) }), 520, 'a path that the mount does not show');
});

test('ulimit -v: the limit less the address space that is taken', () => {
  const limits = (soft: string) =>
    `Limit  Soft Limit  Hard Limit  Units\nMax address space         ${soft}   unlimited   bytes     \n`;
  const status = { '/proc/self/status': `Name:\tnode\nVmPeak:\t 9999999 kB\nVmSize:\t ${1500 * 1024} kB\n` };
  assert.is(left({ ...status, '/proc/self/limits': limits('unlimited') }), 60_000);
  assert.is(left({ ...status, '/proc/self/limits': limits(`${4000 * MIB}`) }), 2500);
  assert.is(left({ ...status, '/proc/self/limits': limits(`${4000 * MIB}`) }, 90 * MIB), 90);
  assert.is(left({ ...status, '/proc/self/limits': limits(`${1000 * MIB}`) }), 0);
  const { by } = grantOf(FREE, (file) => ({ ...status, '/proc/self/limits': limits(`${4000 * MIB}`) })[file as never]);
  assert.match(by, 'the 2500 MiB that ulimit -v leaves (of 4000 MiB)');
});

test('mounts elsewhere, controllers together, paths with blanks', () => {
  const files = {
    '/proc/self/mountinfo': '35 24 0:30 / /my\\040cgroups rw - cgroup cgroup rw,cpuset,memory\n',
    '/proc/self/cgroup': '3:cpuset,memory:/a b\n',
  };
  assert.is(left({ ...files, ...v1('/my cgroups/a b', 700, 300) }), 400);
});

test.run();
