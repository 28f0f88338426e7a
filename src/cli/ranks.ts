// Whether a launcher has started this program beside others, and the others.
import { takeOwnCard } from '../device/node/own_card';
import { launched } from '../ranks/launcher';
import type { OpenRanks } from '../ranks/open';
import { ALONE, type Ranks } from '../ranks/ranks';

/** What the launcher says, read before anything else; null: there is none. */
export const launch = launched();

let joined: OpenRanks | null = null;

export function haveJoined(ranks: OpenRanks): void {
  joined = ranks;
}

/** The ranks of this program. */
export const ranks = (): Ranks => joined ?? ALONE;

/** Ends all where a rank stays so many seconds behind the others. */
export const allowSilence = (seconds: number): void => joined?.allow(seconds);

/** Where several of this host's cards are alike, each rank takes its own, unless `--gpu` names one. To be called before a device is opened. */
export function takeCard(gpu: string | null): void {
  const { local } = ranks();
  if (local.size > 1 && gpu === null) takeOwnCard(local.rank);
}
