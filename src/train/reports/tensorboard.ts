// What a run tells TensorBoard, in event files of its folder: scalars, histograms and pictures, at the batches that are done.
import { readFileSync } from 'node:fs';
import { encodeEvent, fileHead, histogram, type SummaryValue } from '../../formats/events';
import type { StateEntry } from '../../models';
import type { BatchResult } from '../loop/learner';
import type { EventsFile } from '../run/files';
import type { EpochRow } from '../run/results';
import type { RunFolder } from '../run/run_folder';

/**
 * Appends to an event file as things happen: a program that is killed leaves at most half a record, at its end. Each time that a run
 * goes on it has a new file, which says with which step, so that what was written after that checkpoint does not count.
 */
export class EventLog {
  private file: EventsFile | null = null;
  private gradients: SummaryValue[] = [];

  /** @param from batches of the run that are done as it begins or goes on */
  constructor(
    private readonly folder: RunFolder,
    private readonly from: number,
  ) {}

  /** After a batch: its losses and hits, and the rate of its step. */
  step(done: number, { loss, cat, cont, labels, predicted }: BatchResult, lr: number): void {
    const hits = predicted.filter((p, i) => p === labels[i]).length;
    this.add(done, scalars({ loss, cat, cont, accuracy: hits / labels.length, lr }, 'step'));
  }

  /** Keeps how the gradients of an epoch's last step are spread, for `epoch`. */
  keep(gradients: ReadonlyMap<string, Float32Array>): void {
    this.gradients = [...gradients].flatMap(([name, data]) => spread(`gradients/${name}`, data));
  }

  /** After an epoch: its row of results.csv, and how its weights (those that were validated) and gradients are spread. */
  epoch(done: number, { epoch: _, ...row }: EpochRow, weights: ReadonlyMap<string, StateEntry>): void {
    const parameters = [...weights].flatMap(([name, { data }]) =>
      data instanceof Float32Array ? spread(`weights/${name}`, data) : [],
    );
    this.add(done, [...scalars(row, 'epoch'), ...parameters, ...this.gradients]);
    this.gradients = [];
  }

  /** The pictures of the run's end, by their names: nothing where this program has not gone on with it. */
  pictures(done: number, names: readonly string[]): void {
    if (!this.file) return;
    for (const tag of names) {
      const png = readFileSync(this.folder.path(`${tag}.png`));
      // The IHDR chunk of a PNG comes first: sizes, bits, and 2 for RGB or 6 for RGB and alpha.
      const [width, height] = [png.readUInt32BE(16), png.readUInt32BE(20)];
      const image = { width, height, colorspace: png[25] === 6 ? 4 : 3, encodedImageString: png };
      this.add(done, [{ tag, image }]);
    }
  }

  private add(step: number, summary: readonly SummaryValue[]): void {
    const wallTime = Date.now() / 1000;
    if (!this.file) {
      const { name, first } = this.folder.newEventsFile();
      this.file = name;
      this.folder.append(name, fileHead(wallTime));
      if (!first) this.folder.append(name, encodeEvent({ wallTime, step: this.from + 1, starts: true }));
    }
    this.folder.append(this.file, encodeEvent({ wallTime, step, summary }));
  }
}

const scalars = (numbers: Readonly<Record<string, number | null>>, of: string): SummaryValue[] =>
  Object.entries(numbers).flatMap(([name, value]) =>
    value === null ? [] : [{ tag: `${of}/${name}`, simpleValue: value }],
  );

function spread(tag: string, data: Float32Array): SummaryValue[] {
  const histo = histogram(data);
  return histo ? [{ tag, histo }] : [];
}
