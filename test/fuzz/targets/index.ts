// The readers that are fuzzed, by name: each in a file, which is loaded when it is its turn.
import type { Target } from '../target';

export const TARGETS: Readonly<Record<string, () => Promise<{ target: Target }>>> = {
  pickle: () => import('./pickle'),
  torch: () => import('./torch'),
  zip: () => import('./zip'),
  safetensors: () => import('./safetensors'),
  seal: () => import('./seal'),
  weights: () => import('./weights'),
  npy: () => import('./npy'),
  tfjs: () => import('./tfjs'),
  csv: () => import('./csv'),
  picture_list: () => import('./picture_list'),
  npy_layout: () => import('./npy_layout'),
  folders: () => import('./folders'),
  affwild2: () => import('./affwild2'),
  annotations: () => import('./annotations'),
  kept: () => import('./kept'),
  crops: () => import('./crops'),
  embedding: () => import('./embedding'),
  adjacency: () => import('./adjacency'),
  jpeg: () => import('./jpeg'),
  picture: () => import('./picture'),
  bitmap: () => import('./bitmap'),
  animation: () => import('./animation'),
  run: () => import('./run'),
};
