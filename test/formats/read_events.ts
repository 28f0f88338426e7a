// A reader of event files that is stricter than TensorBoard's: framing, checksums and wire format by itself, nothing that is not known.

/** What stands in a record. */
export interface ReadEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  /** SessionLog's status. */
  session?: number;
  scalars: Map<string, number>;
  images: Map<string, { width: number; height: number; colorspace: number; png: Buffer }>;
  histograms: Map<string, ReadHistogram>;
}

export interface ReadHistogram {
  min: number;
  max: number;
  num: number;
  sum: number;
  sumSquares: number;
  limits: number[];
  counts: number[];
}

/** CRC-32C bit by bit, from its definition: no table. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes)
    for (let bit = 0; bit < 8; bit++) {
      const odd = (crc ^ (byte >> bit)) & 1;
      crc = odd ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    }
  return ~crc >>> 0;
}

function expect(good: boolean, what: string): asserts good {
  if (!good) throw new Error(`event file: ${what}`);
}

function masked(bytes: Uint8Array): number {
  const crc = BigInt(crc32c(bytes));
  const turned = ((crc >> 15n) | (crc << 17n)) & 0xffffffffn;
  return Number((turned + 0xa282ead8n) & 0xffffffffn);
}

/**
 * All events of a file, which must begin with its version.
 * @param torn whether half a record may stand at the end, which is left out
 */
export function readEvents(file: Buffer, torn = false): ReadEvent[] {
  const events: ReadEvent[] = [];
  let at = 0;
  while (at < file.length) {
    const left = file.length - at;
    const length = left < 12 ? 0 : Number(file.readBigUInt64LE(at));
    if (torn && (left < 12 || left < length + 16)) break;
    expect(left >= 12 && left >= length + 16, `half a record at ${at}`);
    expect(file.readUInt32LE(at + 8) === masked(file.subarray(at, at + 8)), `checksum of the length at ${at}`);
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 12 + length) === masked(data), `checksum of the record at ${at}`);
    events.push(eventOf(data));
    at += length + 16;
  }
  expect(events[0]?.fileVersion === 'brain.Event:2', 'its version comes first');
  expect(
    events.slice(1).every((e) => e.fileVersion === undefined),
    'its version comes once',
  );
  return events;
}

type Wire = 'varint' | 'double' | 'bytes' | 'float';
const WIRES: readonly (Wire | undefined)[] = ['varint', 'double', 'bytes', undefined, undefined, 'float'];
type Field = { number: number; wire: Wire; value: number; bytes: Buffer };

/** The fields of a message, in order; each must be known by its number and have its wire type. */
function* fieldsOf(message: Buffer, known: Readonly<Record<number, Wire>>): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      expect(at < message.length && shift < 70n, 'a varint that ends');
      const byte = message[at++];
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return Number(BigInt.asIntN(64, value));
    }
  };
  const take = (length: number): Buffer => {
    expect(at + length <= message.length, 'a field that ends in its message');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const key = varint();
    const [number, wire] = [key >>> 3, WIRES[key & 7]];
    expect(wire !== undefined && known[number] === wire, `field ${number} of wire type ${key & 7}`);
    const none = Buffer.alloc(0);
    if (wire === 'varint') yield { number, wire, value: varint(), bytes: none };
    else if (wire === 'double') yield { number, wire, value: take(8).readDoubleLE(), bytes: none };
    else if (wire === 'float') yield { number, wire, value: take(4).readFloatLE(), bytes: none };
    else yield { number, wire, value: 0, bytes: take(varint()) };
  }
}

function eventOf(data: Buffer): ReadEvent {
  const event: ReadEvent = {
    wallTime: Number.NaN,
    step: 0,
    scalars: new Map(),
    images: new Map(),
    histograms: new Map(),
  };
  let kinds = 0;
  for (const { number, value, bytes } of fieldsOf(data, {
    1: 'double',
    2: 'varint',
    3: 'bytes',
    5: 'bytes',
    7: 'bytes',
  })) {
    if (number === 1) event.wallTime = value;
    else if (number === 2) event.step = value;
    else kinds++;
    if (number === 3) event.fileVersion = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (number === 7) for (const status of fieldsOf(bytes, { 1: 'varint' })) event.session = status.value;
    if (number === 5) for (const value of fieldsOf(bytes, { 1: 'bytes' })) readValue(value.bytes, event);
  }
  expect(kinds === 1, `one kind of an event, found ${kinds}`);
  expect(Math.abs(event.wallTime - Date.now() / 1000) < 3600, `a time of this hour, found ${event.wallTime}`);
  return event;
}

function readValue(data: Buffer, { scalars, images, histograms }: ReadEvent): void {
  const fields = [...fieldsOf(data, { 1: 'bytes', 2: 'float', 4: 'bytes', 5: 'bytes' })];
  expect(fields.length === 2 && fields[0].number === 1, 'a tag and what it has');
  const tag = new TextDecoder('utf-8', { fatal: true }).decode(fields[0].bytes);
  const { number, value, bytes } = fields[1];
  expect(tag !== '' && ![scalars, images, histograms].some((has) => has.has(tag)), `a tag once in an event: ${tag}`);
  if (number === 2) scalars.set(tag, value);
  if (number === 4) {
    const image = { width: 0, height: 0, colorspace: 0, png: Buffer.alloc(0) as Buffer };
    for (const of of fieldsOf(bytes, { 1: 'varint', 2: 'varint', 3: 'varint', 4: 'bytes' }))
      if (of.number === 4) image.png = of.bytes;
      else image[(['height', 'width', 'colorspace'] as const)[of.number - 1]] = of.value;
    images.set(tag, image);
  }
  if (number === 5) histograms.set(tag, histogramOf(bytes, tag));
}

function histogramOf(data: Buffer, tag: string): ReadHistogram {
  const found: ReadHistogram = { min: 0, max: 0, num: 0, sum: 0, sumSquares: 0, limits: [], counts: [] };
  const doubles = (bytes: Buffer): number[] => {
    expect(bytes.length % 8 === 0, `${tag}: packed doubles`);
    return Array.from({ length: bytes.length / 8 }, (_, i) => bytes.readDoubleLE(8 * i));
  };
  const known = { 1: 'double', 2: 'double', 3: 'double', 4: 'double', 5: 'double', 6: 'bytes', 7: 'bytes' } as const;
  for (const { number, value, bytes } of fieldsOf(data, known)) {
    if (number === 6) found.limits = doubles(bytes);
    else if (number === 7) found.counts = doubles(bytes);
    else found[(['min', 'max', 'num', 'sum', 'sumSquares'] as const)[number - 1]] = value;
  }
  const { limits, counts, num, min, max } = found;
  expect(limits.length === counts.length && limits.length > 0, `${tag}: a limit for every bucket`);
  expect(
    limits.every((limit, i) => i === 0 || limit > limits[i - 1]),
    `${tag}: limits that rise`,
  );
  expect(counts.reduce((a, b) => a + b) === num && counts.every((n) => n >= 0), `${tag}: counts of ${num} numbers`);
  expect(min <= max && max < (limits.at(-1) as number), `${tag}: all below the last limit`);
  return found;
}
