// What memory this machine still grants to the process: what is free, and what the limits of containers and shells leave of it.
import { readFileSync } from 'node:fs';
import { freemem } from 'node:os';
import { posix } from 'node:path';

/**
 * Left for what is no device memory: the code that a driver on the CPU compiles for each kernel, and its compiler; batches on
 * their way; a checkpoint while it is read and written; the pictures. Measured on lavapipe: 440 MiB with DenseNet-121, 380 with BReG-NeXt.
 */
export const MARGIN = 448 * 2 ** 20;

export interface MemoryGrant {
  /** What is left in all; 0 or more. */
  readonly left: number;
  /** What of it device memory may take: `MARGIN` less. */
  readonly bytes: number;
  /** What sets it, in words: completes "more than ...". */
  readonly by: string;
}

/** The text of a file; undefined: it cannot be read. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Bytes of address space that `ulimit -v` leaves to the process; Infinity: it sets no limit. */
export const addressSpaceLeft = (): number => addressSpace(textOf)?.left ?? Number.POSITIVE_INFINITY;

/** The least of what the machine has free, and of what the limit of each cgroup that the process is in and `ulimit -v` leave. */
export function memoryGrant(): MemoryGrant {
  return grantOf(freemem(), textOf);
}

/**
 * The same as a function of what is read.
 * @param free bytes that the machine has free
 * @param read the text of a file below /proc or /sys; undefined: there is none
 */
export function grantOf(free: number, read: (file: string) => string | undefined): MemoryGrant {
  let least = { left: free, by: `the ${mib(free)} MiB that this machine has free` };
  for (const { folder, limit, used } of limits(read)) {
    const left = Math.max(0, limit - used);
    if (left >= least.left) continue;
    const by = `the ${mib(left)} MiB that the memory limit of this container leaves (${mib(limit)} MiB, ${folder})`;
    least = { left, by };
  }
  const space = addressSpace(read);
  if (space && space.left < least.left)
    least = { left: space.left, by: `the ${mib(space.left)} MiB that ulimit -v leaves (of ${mib(space.limit)} MiB)` };
  const by = `${least.by}, less ${mib(MARGIN)} for driver and program`;
  return { left: least.left, bytes: Math.max(0, least.left - MARGIN), by };
}

/** What a limit of address space leaves; null: there is none. */
function addressSpace(read: (file: string) => string | undefined): { limit: number; left: number } | null {
  const limit = Number(/^Max address space +(\d+) /m.exec(read('/proc/self/limits') ?? '')?.[1] ?? Number.NaN);
  const used = 1024 * Number(/^VmSize:\s+(\d+) kB/m.exec(read('/proc/self/status') ?? '')?.[1] ?? Number.NaN);
  return Number.isNaN(limit) || Number.isNaN(used) ? null : { limit, left: Math.max(0, limit - used) };
}

interface Limit {
  readonly folder: string;
  readonly limit: number;
  /** Without cached files, which the kernel drops when memory is wanted. */
  readonly used: number;
}

/** Where each version of cgroups keeps its numbers: several limits, what is used, and what of that is cached files. */
const VERSIONS = {
  cgroup: { limits: ['memory.limit_in_bytes'], used: 'memory.usage_in_bytes', cached: 'total_inactive_file' },
  cgroup2: { limits: ['memory.max', 'memory.high'], used: 'memory.current', cached: 'inactive_file' },
} as const;

/** The limits of the process's cgroups and of all above them. */
function* limits(read: (file: string) => string | undefined): Generator<Limit> {
  for (const { version, folder } of folders(read)) {
    const files = VERSIONS[version];
    const number = (file: string): number => Number.parseInt(read(posix.join(folder, file)) ?? '', 10);
    const limit = Math.min(...files.limits.map((file) => number(file) || Number.POSITIVE_INFINITY));
    if (limit === Number.POSITIVE_INFINITY) continue;
    const stat = read(posix.join(folder, 'memory.stat')) ?? '';
    const cached = Number(new RegExp(`^${files.cached} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0);
    yield { folder, limit, used: Math.max(0, (number(files.used) || 0) - cached) };
  }
}

type Version = keyof typeof VERSIONS;

/** The folders of the cgroups that memory counts for, from the process's own up to where they are mounted. */
function* folders(read: (file: string) => string | undefined): Generator<{ version: Version; folder: string }> {
  const mounts = (read('/proc/self/mountinfo') ?? '').split('\n').map(mountOf);
  for (const line of (read('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined || !(controllers === '' || controllers.split(',').includes('memory'))) continue;
    const version = controllers === '' ? 'cgroup2' : 'cgroup';
    for (const mount of mounts) {
      if (mount?.type !== version || (version === 'cgroup' && !mount.options.includes('memory'))) continue;
      // A container may be shown the part of the tree that is its own.
      const below = posix.relative(mount.root, path);
      const parts = below.startsWith('..') ? [] : below.split('/').filter(Boolean);
      for (let n = parts.length; n >= 0; n--) yield { version, folder: posix.join(mount.at, ...parts.slice(0, n)) };
    }
  }
}

/** A line of mountinfo: what of the file system is mounted where. */
function mountOf(line: string): { type: string; root: string; at: string; options: string[] } | undefined {
  const [mount, fileSystem] = line.split(' - ');
  if (fileSystem === undefined) return undefined;
  const plain = (path: string) =>
    path.replace(/\\(\d{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)));
  const [root, at] = mount.split(' ').slice(3, 5).map(plain);
  const [type, , options = ''] = fileSystem.split(' ');
  return { type, root, at, options: options.split(',') };
}

const mib = (bytes: number): number => Math.round(bytes / 2 ** 20);
