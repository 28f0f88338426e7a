import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir } from '../../src/device/node';

const PACKAGES: Readonly<Record<string, string>> = {
  '@tensorflow/tfjs': '4.22.0',
  '@tensorflow/tfjs-backend-webgpu': '4.22.0',
  '@jax-js/jax': '0.1.25',
  'onnxruntime-node': '1.30.0',
};

/** Packages that are installed into a folder of one name. */
interface Peers {
  readonly name: string;
  readonly packages: Readonly<Record<string, string>>;
  readonly mib: number;
}

const PEERS: Peers = { name: 'peers', packages: PACKAGES, mib: 600 };

/** Those of `npm run bench -- faces`. */
export const FACE_PEERS: Peers = {
  name: 'peers-faces',
  packages: { '@tensorflow/tfjs': '4.22.0', '@tensorflow/tfjs-backend-wasm': '4.22.0' },
  mib: 300,
};

export const versionOf = (name: string): string => PACKAGES[name] ?? FACE_PEERS.packages[name];

/** A folder of the per-user cache with the peers in it; they are no dependencies of this package. @throws Error of npm */
export function peersFolder({ name, packages, mib } = PEERS): string {
  const folder = join(cacheDir(), name);
  const there = (name: string): boolean => {
    const file = join(folder, 'node_modules', name, 'package.json');
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === packages[name];
  };
  if (Object.keys(packages).every(there)) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: packages }));
  console.error(`installing the peers into ${folder}, once (about ${mib} MiB)`);
  // Of ONNX Runtime the CPU's part alone.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip' };
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund'], { cwd: folder, env });
  return folder;
}
