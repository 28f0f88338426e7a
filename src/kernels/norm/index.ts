// What a batch normalisation and the convolutions that it is fused into share.
import { defineKernel, type Kernel, type Storage } from '../../device';
import type { Activation } from '../activation';
import across1 from './across_1.wgsl';
import across4 from './across_4.wgsl';

/** `across`: turns what channels have, a vec4f each, into four V, for lanes of four channels and of one. */
export const across = { 4: across4, 1: across1 } as const;

/** A kernel that unpacks what channels have (`across`), for lanes of four channels and of one. */
export const perWidth = (name: string, ...sources: string[]): Readonly<Record<4 | 1, Kernel>> => ({
  4: defineKernel(`${name}.4`, across[4], ...sources),
  1: defineKernel(`${name}.1`, across[1], ...sources),
});

/** Batch normalisation and activation applied to a tensor as it is loaded: see `batch_norm`. */
export interface Prologue {
  /** (mean, inverse deviation, gamma, beta) a channel. */
  readonly pack: Storage;
  readonly activation: Activation;
}

/** Batch normalisation, if there are planes (see batch_norm.preparePlanes), and activation of what a convolution gives, as it is stored. */
export interface Epilogue {
  readonly planes: Storage | null;
  readonly activation: Activation;
}

/** What a batch norm's backward sums over rows, in parts, each over some rows: (sum of dz, sum of dz * (x - mean)). */
export interface Sums {
  readonly storage: Storage;
  readonly count: number;
  /** Channels that a lane held. */
  readonly width: 4 | 1;
  /** Whether the sums are pairs. */
  readonly paired: boolean;
}
