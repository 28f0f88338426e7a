// What computes, and how.
import { choice, orNone, path, real, type Settings, text, toggle, whole } from './settings';

export interface MachineArgs {
  /** Adapter by index or by a part of its name, or `software`; null: the best. */
  gpu: string | null;
  /** How training steps store activations and their gradients; weights and all sums are f32. */
  precision: 'f32' | 'f16';
  /** Measure which kernels are fastest here; null: on a GPU, not on a driver that computes on the CPU. */
  tune: boolean | null;
  /** Threads that prepare images; the numbers do not depend on it. */
  workers: number;
  /** Folder of the prepared faces and of annotations that were read, or `off`; null: one per user. */
  cache: string | null;
  /** Most GB (10^9 bytes) of prepared faces of one size that are kept; null: as the disk has room. */
  cache_limit: number | null;
  /** Looks whether pictures and annotations are what they were by reading them, not by size and times. */
  verify: boolean;
}

/** Settings of each rank's own, where several train together. */
export const OWN: ReadonlySet<string> = new Set<keyof MachineArgs | 'image_dir'>([
  ...(['gpu', 'workers', 'cache', 'cache_limit', 'image_dir'] as const),
]);

export const MACHINE: Settings<MachineArgs> = {
  gpu: {
    kind: orNone(text('ID', 'an index, a part of an adapter name, or software')),
    default: null,
    help: 'adapter: index, part of its name, or software (see: emotion-gcn doctor); default: the best',
  },
  precision: {
    kind: choice('f32', 'f16'),
    default: 'f32',
    help: 'of activations in training: f32, or f16 with loss scaling (half the memory); validation is f32 always',
  },
  tune: {
    kind: orNone(toggle),
    default: null,
    help: 'measure once which kernels are fastest on this adapter, some seconds; default: on for a GPU',
  },
  workers: { kind: whole(1, 256), default: 4, help: 'threads that prepare images' },
  cache: {
    kind: orNone(path('DIR|off', 'a folder', 'off')),
    default: null,
    help: 'where prepared faces and annotations that were read are kept, or off; default: a folder per user (see: emotion-gcn cache)',
  },
  cache_limit: {
    kind: orNone(real(0)),
    default: null,
    help: 'most GB of prepared faces of one size that --cache keeps; default: as its disk has room',
  },
  verify: {
    kind: toggle,
    default: false,
    help: 'read pictures and annotations anew where by size and times they are known',
  },
};
