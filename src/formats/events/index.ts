// TensorBoard's event files: records of TFRecord's framing, each an Event.
import { crc32c } from './crc32c';
import type { Histogram } from './histogram';
import { EventProto, START } from './schema';

export { type Histogram, histogram } from './histogram';

/** A picture as a PNG file has it. */
export interface ImageSummary {
  readonly height: number;
  readonly width: number;
  /** Numbers a pixel: 3 or 4. */
  readonly colorspace: number;
  readonly encodedImageString: Uint8Array;
}

/** What a tag has at a step. */
export type SummaryValue = { readonly tag: string } & (
  | { readonly simpleValue: number }
  | { readonly histo: Histogram }
  | { readonly image: ImageSummary }
);

/** What happened at a time, in seconds since 1970, and at a step. */
export type Event = { readonly wallTime: number; readonly step: number } & (
  | { readonly summary: readonly SummaryValue[] }
  /** A run goes on with this step: what earlier files have of it and of later ones is void. */
  | { readonly starts: true }
);

/** The record that a file begins with. */
export const fileHead = (wallTime: number): Uint8Array =>
  frame(EventProto.encode({ wallTime, fileVersion: 'brain.Event:2' } as never).finish());

/** The record of an event. */
export function encodeEvent({ wallTime, step, ...what }: Event): Uint8Array {
  const said = 'starts' in what ? { sessionLog: { status: START } } : { summary: { value: what.summary } };
  return frame(EventProto.encode({ wallTime, step, ...said } as never).finish());
}

/** A record: length (uint64), its checksum, the data, its checksum; all little-endian. */
function frame(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, masked(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, masked(data), true);
  return record;
}

/** A CRC of what holds CRCs is weak: TFRecord turns it and adds a number. */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
