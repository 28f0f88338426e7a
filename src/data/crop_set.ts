import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { type CropPlace, RECORD_HEAD } from './crop_store';
import type { BadItem, Sample } from './samples';

/** Samples whose faces lie prepared on disk. */
export class CropSet {
  /** Side of a crop in pixels. */
  readonly size: number;
  /** The usable samples, in the file's order. */
  readonly samples: readonly Sample[];
  /** Rows and images that were left out. */
  readonly bad: readonly BadItem[];
  /** Crops made now; the others came from the cache. */
  readonly made: number;

  private readonly files = new Map<string, Promise<FileHandle>>();

  constructor(
    private readonly from: {
      size: number;
      samples: readonly Sample[];
      bad: readonly BadItem[];
      made: number;
      dir: string;
      places: readonly CropPlace[];
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
        const { bytesRead } = await (await this.file(pack)).read(into, i * length, length, offset + RECORD_HEAD);
        if (bytesRead !== length) throw new Error(`${pack}: crop at byte ${offset} ends early`);
      }),
    );
  }

  /** Closes the files, and removes them if there is no cache. */
  async close(): Promise<void> {
    for (const file of this.files.values()) await (await file).close();
    this.files.clear();
    this.from.release?.();
  }

  private file(pack: string): Promise<FileHandle> {
    let file = this.files.get(pack);
    if (!file) {
      file = open(join(this.from.dir, pack));
      this.files.set(pack, file);
    }
    return file;
  }
}
