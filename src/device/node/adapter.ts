import { tmpdir } from 'node:os';
import { isMainThread } from 'node:worker_threads';
import { InputError, MachineError } from '../../base/errors';
import { adapterNamed, adapterNames } from './dawn';
import { hasLoader, useSoftwareDriver } from './software';

export interface AdapterOptions {
  /** An index into `listAdapters()`, a part of a name (in any case), or `software` for the CPU driver. Default: the best. */
  gpu?: string;
  /** Told, line by line, what is fetched. Default: stderr. */
  say?: (line: string) => void;
}

export interface FoundAdapter {
  readonly adapter: GPUAdapter;
  /** True for a driver that computes on the CPU. */
  readonly software: boolean;
  readonly name: string;
}

/**
 * The best adapter of this machine, or the one asked for. Without a usable one on Linux, a CPU driver is set up privately,
 * once a user, and used at once: on the main thread, after which other threads find it.
 * @throws InputError when `gpu` fits none (it lists those that there are), and in another thread where a driver would have to be set up
 * @throws MachineError when there is no adapter and none can be set up (it says what to install)
 */
export async function requestAdapter({ gpu, say = toStderr }: AdapterOptions = {}): Promise<FoundAdapter> {
  process.env.XDG_RUNTIME_DIR ??= tmpdir(); // else Mesa complains on stderr
  const software = gpu?.toLowerCase() === 'software';
  const ask = () => (software ? softwareAdapter() : choose(gpu));
  const found = anyDriver() ? await ask() : undefined;
  if (found) return found;
  // Its `process.env` is a copy that the Vulkan loader does not see.
  if (!isMainThread)
    throw new InputError(
      'expected a driver, found none in this worker thread, which cannot set one up: call openDevice() on the main thread before',
    );
  let failures: string[] | undefined = [];
  if (process.platform === 'linux') {
    failures = await useSoftwareDriver(async () => (await adapterNamed()) !== undefined, say);
    const own = failures ? undefined : await ask();
    if (own) return own;
  }
  throw new MachineError(noAdapter(software, failures ?? []));
}

/**
 * The names of the adapters that this system itself offers, best first: what an index of `gpu` refers to.
 * @example
 * Array.isArray(await listAdapters()); // true
 */
export async function listAdapters(): Promise<string[]> {
  return anyDriver() ? adapterNames() : [];
}

const toStderr = (line: string) => process.stderr.write(`${line}\n`);

/** Without a Vulkan loader Dawn would only print a warning. */
const anyDriver = () => process.platform !== 'linux' || hasLoader();

async function choose(gpu = '0'): Promise<FoundAdapter | undefined> {
  if (gpu === '0') return describe(await adapterNamed());
  const names = await adapterNames();
  if (names.length === 0) return undefined;
  const index = pick(names, gpu);
  const name = names[index];
  const found = describe(await adapterNamed(name));
  // Dawn chooses by a part of the name, the first that has it.
  if (names.indexOf(name) !== index || (found && same(found.adapter.info.device, name) === false))
    throw new InputError(
      `--gpu ${gpu}: ${name} cannot be told from another adapter by its name; there are:\n${table(names)}`,
    );
  return found;
}

function pick(names: string[], gpu: string): number {
  if (/^\d+$/.test(gpu) && Number(gpu) < names.length) return Number(gpu);
  const index = names.findIndex((n) => plain(n).includes(plain(gpu)));
  if (index >= 0 && plain(gpu) !== '') return index;
  throw new InputError(
    `--gpu ${gpu}: no such adapter; expected an index, a part of a name, or software. There are:\n${table(names)}`,
  );
}

async function softwareAdapter(): Promise<FoundAdapter | undefined> {
  for (const name of await adapterNames()) {
    const found = describe(await adapterNamed(name));
    if (found?.software) return found;
  }
  return undefined;
}

function describe(adapter: GPUAdapter | undefined): FoundAdapter | undefined {
  if (!adapter) return undefined;
  const { device, description, isFallbackAdapter } = adapter.info;
  const software = isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|basic render/i.test(`${device} ${description}`);
  return {
    adapter,
    software,
    name: software ? description || device : [device, description].filter(Boolean).join(', '),
  };
}

const table = (names: string[]) => names.map((n, i) => `  ${i}  ${n}`).join('\n');
/** As Dawn writes a name in `GPUAdapterInfo.device`. */
const plain = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
const same = (a: string, b: string) => plain(a) === plain(b);

const noAdapter = (software: boolean, failures: string[]) =>
  [
    `this machine has no ${software ? '' : 'GPU or '}CPU driver that WebGPU can use.`,
    ...failures.map((f) => `  tried ${f}`),
    'Install a driver, then run the same command again:',
    ...INSTALL.map(([system, command]) => `  ${`${system}:`.padEnd(24)} ${command}`),
  ].join('\n');

/** The commands that give a machine without a usable GPU a driver. */
const INSTALL: readonly (readonly [system: string, command: string])[] = [
  ['Debian 13, Ubuntu 24.04', 'sudo apt-get update && sudo apt-get install -y mesa-vulkan-drivers libvulkan1'],
  [
    'Debian 12',
    "echo 'deb http://deb.debian.org/debian bookworm-backports main' | sudo tee /etc/apt/sources.list.d/backports.list && " +
      'sudo apt-get update && sudo apt-get install -y -t bookworm-backports mesa-vulkan-drivers libvulkan1',
  ],
  ['Fedora', 'sudo dnf install -y mesa-vulkan-drivers vulkan-loader'],
  ['Arch', 'sudo pacman -S --needed vulkan-swrast vulkan-icd-loader'],
  ['macOS', 'softwareupdate --install --all    (Metal comes with macOS)'],
  ['Windows', 'winget upgrade --all    (Direct3D 12 comes with Windows 10 and 11; the driver with the graphics card)'],
];
