// The peers, each started when it is first asked for, and again after it died.
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { peersFolder, versionOf } from './install';
import { Peer } from './peer';

const script = (file: string): string => `bench/peers/${file}`;
const node = (name: string, file: string) => (): Peer =>
  new Peer(name, process.execPath, [script(file), peersFolder()]);

/** glibc is told to keep its memory: fresh pages cost PyTorch half of its step. */
const KEPT = { MALLOC_MMAP_THRESHOLD_: '4294967296', MALLOC_TRIM_THRESHOLD_: '17179869184' };

/** A Python that has PyTorch. @throws Error where none has */
export function pythonWithTorch(): string {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import torch, torchvision'], { stdio: 'ignore' });
      return python;
    } catch {
      // Another may.
    }
  }
  throw new Error('no python3 here has torch and torchvision');
}

export const torch = (name: string, env: Readonly<Record<string, string>>, python = pythonWithTorch()): Peer =>
  new Peer(name, python, [script('torch_networks.py')], env);

const tfjs = `tfjs-webgpu ${versionOf('@tensorflow/tfjs')}`;
const jaxjs = `jax-js ${versionOf('@jax-js/jax')}`;
const onnx = `onnxruntime cpu ${versionOf('onnxruntime-node')}`;
const kept = `torch cpu, memory kept`;
const installed = `torch cpu, as installed`;

export const PEERS = { tfjs, jaxjs, onnx, kept, installed } as const;

const STARTS: Readonly<Record<string, () => Peer>> = {
  [tfjs]: node(tfjs, 'tfjs.mjs'),
  [jaxjs]: node(jaxjs, 'jaxjs.mjs'),
  [onnx]: node(onnx, 'onnxruntime.mjs'),
  [kept]: () => torch(kept, { ...KEPT, OMP_NUM_THREADS: String(cpus().length) }),
  [installed]: () => torch(installed, {}),
};

/** Deaths after which a peer is given up. */
const PATIENCE = 3;

export class Lanes {
  private readonly running = new Map<string, Peer>();
  private readonly deaths = new Map<string, number>();

  /** @throws Error when the peer cannot be started, or died too often */
  get(name: string): Peer {
    let peer = this.running.get(name);
    if (peer?.alive) return peer;
    if (peer) this.deaths.set(name, (this.deaths.get(name) ?? 0) + 1);
    if ((this.deaths.get(name) ?? 0) >= PATIENCE) throw new Error(`it died ${PATIENCE} times`);
    peer = STARTS[name]();
    this.running.set(name, peer);
    return peer;
  }

  /** Ends all: memory and threads of one part of the run are not to weigh on the next. */
  end(): void {
    for (const peer of this.running.values()) peer.end();
    this.running.clear();
  }
}
