import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, freemem, totalmem } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { Device } from '../device';
import { cacheDir, cacheEntries, type FoundAdapter, listAdapters, requestAdapter } from '../device/node';
import { hasSelectLayer, identicalCards } from '../device/node/own_card';
import { choose, variantsOf } from '../kernels/variant';
import { installedMpi } from '../ranks/installed';
import type { Launched } from '../ranks/launcher';
import { launch } from './ranks';
import { type Check, selfCheck } from './self_check';

/** `emotion-gcn doctor`: exit code 0 when training works here, 1 when it does not. */
export const doctorCommand = (): Command =>
  new Command('doctor')
    .description("show this machine's GPUs, check one for a second, and say what to do if something is wrong")
    .option('--gpu <id>', 'adapter by index or by a part of its name, or software (default: the best)')
    .addHelpText('after', '\nExample:\n  emotion-gcn doctor --gpu software')
    .action(async ({ gpu }: { gpu?: string }) => {
      const healthy = await doctor(gpu, (line) => console.log(line));
      if (!healthy) process.exitCode = 1;
    });

/**
 * Prints the report line by line and returns whether the check passed.
 * @throws InputError when `gpu` fits no adapter; MachineError when there is none
 */
export async function doctor(gpu: string | undefined, print: (line: string) => void): Promise<boolean> {
  const section = (title: string, lines: string[]) => {
    print(`\n${title}`);
    for (const line of lines) print(`  ${line}`);
  };
  section('Machine', machine());
  const names = await listAdapters();
  section(
    'Adapters of this system, best first (for --gpu: the index, a part of the name, or software)',
    names.length > 0 ? names.map((name, i) => `${i}  ${name}`) : ['none'],
  );
  const found = await requestAdapter({ gpu, say: print });
  const device = await Device.create(found.adapter, { software: found.software });
  section('Adapter in use', adapter(device, found));
  section('Kept for this user', kept());
  section('Several processes that train together (mpirun)', [
    ...(launch ? [`this is ${rankOf(launch)}`] : []),
    ...(await installedMpi()),
    ...alike(),
  ]);

  const checks = await selfCheck(device);
  section('Check against the CPU', checks.map(result));
  const healthy = checks.every((c) => c.error === 0);
  const advice = [
    ...(healthy ? [] : wrong()),
    ...(device.software && gpu?.toLowerCase() !== 'software' ? withoutGpu(device) : []),
    ...memory(),
  ];
  section(healthy ? 'Training works here.' : 'Training does NOT work here: wrong results.', advice);
  device.destroy();
  return healthy;
}

function machine(): string[] {
  const { version } = createRequire(import.meta.url)('webgpu/package.json') as { version: string };
  const set = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'DAWNNODE_BACKEND'].filter((name) => process.env[name]);
  return [
    `${process.platform}-${process.arch}, Node ${process.versions.node}, webgpu ${version}`,
    `${cpus().length} CPU cores (${cpus()[0]?.model.trim()}), ${gib(totalmem())} memory, ${gib(freemem())} free`,
    ...set.map((name) => `${name}=${process.env[name]}`),
  ];
}

function adapter(device: Device, { name, adapter: { limits } }: FoundAdapter): string[] {
  const { info } = device;
  const { subgroupMinSize: min, subgroupMaxSize: max } = info;
  const feature = (f: string, note = '') => `${f} ${device.features.has(f) ? `yes${note}` : 'no'}`;
  const { variant, lanes } = choose(device);
  const others = variantsOf(device).filter((v) => v !== variant);
  return [
    `${name}${device.software ? ' (computes on the CPU)' : ''}`,
    `driver    ${info.description || 'unknown'}; vendor ${info.vendor || 'unknown'}, architecture ${info.architecture || 'unknown'}`,
    `features  ${feature('shader-f16')}, ${feature('subgroups', ` (${min} to ${max} lanes)`)}, ${feature('timestamp-query')}`,
    `limits    binding ${mib(limits.maxStorageBufferBindingSize)}, buffer ${mib(limits.maxBufferSize)}, ` +
      `${limits.maxComputeInvocationsPerWorkgroup} invocations and ${limits.maxComputeWorkgroupStorageSize >> 10} KiB a workgroup, ` +
      `${limits.maxStorageBuffersPerShaderStage} storage buffers a stage`,
    `kernels   ${variant}${variant === 'subgroup' ? ` of ${lanes} lanes` : ''} (it can also run ${others.join(', ')})`,
  ];
}

function kept(): string[] {
  try {
    const entries = cacheEntries().map((e) => `${mib(e.bytes).padStart(8)}  ${e.name}`);
    return [`${cacheDir()}${entries.length > 0 ? ':' : ' (nothing yet)'}`, ...entries];
  } catch (error) {
    return [(error as Error).message];
  }
}

const rankOf = ({ by, rank, size }: Launched): string => `rank ${rank} of ${size}, started by ${by}`;

/** How each of several processes gets a card of its own where they have one name. */
function alike(): string[] {
  const cards = identicalCards();
  if (cards.length === 0) return [];
  return [
    `${cards.length} cards of one kind, which have one name: ${cards.join(', ')}`,
    hasSelectLayer()
      ? "each process of a host takes its own, by Mesa's device-select layer (untried on such a machine); to choose it yourself, set for each process:"
      : "all processes would take the first: Mesa's device-select layer is missing (Debian, Ubuntu: sudo apt-get install -y mesa-vulkan-drivers); with it set for each process:",
    `  MESA_VK_DEVICE_SELECT_FORCE_DEFAULT_DEVICE=1 DRI_PRIME=${cards[0]}`,
    'or give each process a container with one card; CUDA_VISIBLE_DEVICES is nothing to Vulkan',
  ];
}

const result = ({ name, error, gflops }: Check): string =>
  `${name.padEnd(28)}${error === 0 ? 'right' : `WRONG, off by ${error}`}${gflops ? `, ${gflops.toPrecision(3)} GFLOP/s` : ''}`;

const wrong = (): string[] => [
  "Update the graphics driver (NVIDIA, AMD, Intel: the maker's newest; Mesa: 25.0 or newer) and run this again.",
  `Until it is right, train on the CPU: --gpu software. If that is wrong too: rm -r ${cacheDir()}, then run this again.`,
];

/** What keeps a GPU that this machine may have from being used. */
function withoutGpu(device: Device): string[] {
  if (process.platform !== 'linux') return ['No GPU is used: update the graphics driver.'];
  const lines: string[] = [];
  const cards = graphicsCards();
  const nodes = existsSync('/dev/dri') ? readdirSync('/dev/dri').filter((n) => n.startsWith('renderD')) : [];
  const locked = nodes.filter((n) => !accessible(`/dev/dri/${n}`));
  if (locked.length > 0)
    lines.push(`/dev/dri/${locked[0]} is closed to you: sudo usermod -aG render,video "$USER", then log in again.`);
  if (cards.includes('NVIDIA') || existsSync('/proc/driver/nvidia/version'))
    lines.push(
      'An NVIDIA GPU is here, but no Vulkan for it. Install the Vulkan part of its driver:',
      '  Debian: sudo apt-get install -y nvidia-vulkan-icd libvulkan1',
      '  Ubuntu: sudo apt-get install -y libvulkan1 libnvidia-gl-NNN    (NNN: the number that nvidia-smi shows)',
      '  in a container: docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=all ..., with libvulkan1 inside',
    );
  else if (cards.length > 0)
    lines.push(
      `A GPU by ${cards[0]} is here, but no Vulkan driver for it. Install one:`,
      '  Debian, Ubuntu: sudo apt-get install -y mesa-vulkan-drivers libvulkan1',
      '  Fedora: sudo dnf install -y mesa-vulkan-drivers vulkan-loader',
      '  Arch: sudo pacman -S --needed vulkan-icd-loader vulkan-radeon vulkan-intel',
    );
  else lines.push('No GPU by NVIDIA, AMD or Intel was found: the CPU computes.');
  if (/swiftshader/i.test(device.info.description))
    lines.push(
      'SwiftShader computes several times slower than lavapipe, which could not be set up.',
      `To try that again: rm -r ${join(cacheDir(), 'swiftshader')}`,
    );
  return lines;
}

/** The makers of the graphics cards on the PCI bus. */
function graphicsCards(): string[] {
  const makers: Record<string, string> = { '0x10de': 'NVIDIA', '0x1002': 'AMD', '0x8086': 'Intel' };
  const bus = '/sys/bus/pci/devices';
  if (!existsSync(bus)) return [];
  const read = (device: string, file: string) => readFileSync(`${bus}/${device}/${file}`, 'utf8').trim();
  const cards = readdirSync(bus).filter((d) => read(d, 'class').startsWith('0x03'));
  return cards.map((d) => makers[read(d, 'vendor')]).filter((maker) => maker !== undefined);
}

function accessible(path: string): boolean {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A CPU driver takes the machine's own memory and does not say when there is none left. */
const memory = (): string[] =>
  freemem() < 3 * 2 ** 30
    ? [`Only ${gib(freemem())} of memory is free: close other programs, or use a smaller --batch_size.`]
    : [];

const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
