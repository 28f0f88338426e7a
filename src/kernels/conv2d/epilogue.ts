// What the forward convolutions share about storing: see epilogue.wgsl.
import type { Constants } from '../../device';
import { activationCode, activationOn } from '../activation';
import type { Epilogue } from '../norm';
import source from './epilogue.wgsl';

export const epilogueSources = [activationOn('Y', '_stored'), source] as const;

export const epilogueConstants = (e: Epilogue | null): Constants => ({
  NORM_STORED: (e?.planes ?? null) !== null,
  ACT_stored: activationCode(e?.activation ?? 'none'),
});
