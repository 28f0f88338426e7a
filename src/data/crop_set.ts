import type { FileHandle } from 'node:fs/promises';
import { MachineError } from '../base/errors';
import { type CropPlace, RECORD_HEAD } from './crop_store';
import type { Samples } from './sample_columns';
import type { BadItem } from './samples';

/** Samples whose faces lie prepared on disk, in files that are open: they stay readable when the cache is cleared. */
export class CropSet {
  /** Side of a crop in pixels. */
  readonly size: number;
  /** The usable samples, in the file's order. */
  readonly samples: Samples;
  /** Rows and images that were left out. */
  readonly bad: readonly BadItem[];
  /** Crops made now; the others came from the cache. */
  readonly made: number;

  constructor(
    private readonly from: {
      size: number;
      samples: Samples;
      bad: readonly BadItem[];
      made: number;
      places: readonly CropPlace[];
      /** The packs of all places. */
      files: ReadonlyMap<string, FileHandle>;
      /** Removes the directory, where it is a temporary one. */
      release?: () => void;
    },
  ) {
    ({ size: this.size, samples: this.samples, bad: this.bad, made: this.made } = from);
  }

  /** Reads the crops of `samples[rows[i]]` to `into`, one after the other: rows x size x size x 3 bytes of RGB. */
  async read(rows: ArrayLike<number>, into: Uint8Array): Promise<void> {
    const length = this.size * this.size * 3;
    await Promise.all(
      Array.from(rows, async (row, i) => {
        const { pack, offset } = this.from.places[row];
        const file = this.from.files.get(pack) as FileHandle;
        const { bytesRead } = await file.read(into, i * length, length, offset + RECORD_HEAD);
        if (bytesRead !== length) throw new MachineError(`${pack}: crop at byte ${offset} ends early`);
      }),
    );
  }

  /** Closes the files, and removes them if there is no cache. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.from.files.values()].map((file) => file.close()));
    this.from.release?.();
  }
}
