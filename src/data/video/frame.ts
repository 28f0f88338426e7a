import type { RgbImage } from '../../base/pixels/rgb_image';

/** A frame of a video. */
export interface Frame {
  /** Seconds from the video's start. */
  readonly time: number;
  readonly image: RgbImage;
}

/** How a video is read. */
export interface FrameOptions {
  /** Frames a second; null: all. */
  readonly fps: number | null;
  /** Ends it early, with its reason. */
  readonly signal?: AbortSignal;
}

/** Seconds by which a frame may come before its turn: files count time in steps, mostly of a millisecond or less. */
export const EARLY = 0.001;

/**
 * Which frames, asked in order, are taken for `fps`: the first that is shown in each interval [k / fps, (k + 1) / fps), so none twice.
 * In ffmpeg's words: `selectFilter`.
 */
export function takes(fps: number | null): (time: number) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (time) => {
    if (fps === null) return true;
    const interval = Math.floor((time + EARLY) * fps);
    if (interval <= last) return false;
    last = interval;
    return true;
  };
}

/** The rule of `takes` as a filter of ffmpeg's. */
export const selectFilter = (fps: number): string =>
  `select='isnan(prev_selected_t)+gt(floor((t+${EARLY})*${fps}),floor((prev_selected_t+${EARLY})*${fps}))'`;

/** What a message says of a video that was not read to its end. */
export const readSoFar = (count: number, time: number): string =>
  `${count} ${count === 1 ? 'frame was' : 'frames were'} read, the last at ${Number(time.toFixed(3))} s`;
