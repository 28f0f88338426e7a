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

export const versionOf = (name: string): string => PACKAGES[name];

/** A folder of the per-user cache with the peers in it; they are no dependencies of this package. @throws Error of npm */
export function peersFolder(): string {
  const folder = join(cacheDir(), 'peers');
  const there = (name: string): boolean => {
    const file = join(folder, 'node_modules', name, 'package.json');
    return existsSync(file) && JSON.parse(readFileSync(file, 'utf8')).version === PACKAGES[name];
  };
  if (Object.keys(PACKAGES).every(there)) return folder;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies: PACKAGES }));
  console.error(`installing the peers into ${folder}, once (about 600 MiB)`);
  // Of ONNX Runtime the CPU's part alone.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL_CUDA: 'skip' };
  execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund'], { cwd: folder, env });
  return folder;
}
