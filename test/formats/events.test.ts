// Event files as TensorBoard reads them: framing, checksums and wire format by a strict reader of the tests' own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeEvent, fileHead, histogram } from '../../src/formats/events';
import { crc32c as ours } from '../../src/formats/events/crc32c';
import { crc32c, readEvents } from './read_events';

const test = suite('events');
const now = Date.now() / 1000;
const file = (...records: Uint8Array[]): Buffer => Buffer.concat([fileHead(now), ...records]);

test("CRC-32C: RFC 3720's values, and what its definition gives", () => {
  const text = (s: string) => new TextEncoder().encode(s);
  assert.is(ours(text('123456789')), 0xe3069283);
  for (const [bytes, crc] of [
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(0xff), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    [Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    [new Uint8Array(0), 0],
  ] as const) {
    assert.is(ours(bytes), crc);
    assert.is(crc32c(bytes), crc);
  }
});

test("the head of a file is TensorFlow's, byte for byte", () => {
  // wall_time 1.5 (field 1), file_version (field 3): 24 bytes.
  const head = Buffer.from(fileHead(1.5));
  assert.is(
    head.subarray(12, -4).toString('hex'),
    `09000000000000f83f1a0d${Buffer.from('brain.Event:2').toString('hex')}`,
  );
  // The first twelve bytes of every file that TensorFlow or PyTorch writes: a length of 24, and its checksum.
  assert.is(head.subarray(0, 12).toString('hex'), '1800000000000000a37f4b22');
});

test('scalars, pictures and a start come back, at steps beyond 32 bits too', () => {
  const png = Uint8Array.of(1, 2, 3);
  const step = 2 ** 40 + 3;
  const events = readEvents(
    file(
      encodeEvent({ wallTime: now, step, starts: true }),
      encodeEvent({
        wallTime: now,
        step: step + 1,
        summary: [
          { tag: 'step/loss', simpleValue: 0.1 },
          { tag: 'ä b', simpleValue: Number.NaN },
          { tag: 'zero', simpleValue: 0 },
          { tag: 'results', image: { width: 300, height: 2, colorspace: 4, encodedImageString: png } },
        ],
      }),
    ),
  );
  assert.equal(
    events.slice(1).map((e) => [e.step, e.session]),
    [
      [step, 1],
      [step + 1, undefined],
    ],
  );
  assert.equal(
    [...events[2].scalars],
    [
      ['step/loss', Math.fround(0.1)],
      ['ä b', Number.NaN],
      ['zero', 0],
    ],
  );
  assert.equal(events[2].images.get('results'), { width: 300, height: 2, colorspace: 4, png: Buffer.from(png) });
});

test('histograms: every number in the bucket between its limits, sums of all, what is not finite left out', () => {
  const edges = [1e-12, 1.1e-12, 1e20, 3e38, 1e-45, 0, 1, 0.5].flatMap((v) => [v, -v]);
  const values = Float32Array.from([...edges, ...Array.from({ length: 500 }, (_, i) => Math.sin(i) ** 7)]);
  const spoilt = Float32Array.of(...values, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  const histo = histogram(spoilt);
  assert.ok(histo);
  const record = encodeEvent({ wallTime: now, step: 1, summary: [{ tag: 'w', histo }] });
  const found = readEvents(file(record))[1].histograms.get('w');
  assert.ok(found);
  const { limits, counts, ...sums } = found;
  assert.equal(
    counts,
    limits.map((limit, i) => values.filter((v) => v < limit && (i === 0 || v >= limits[i - 1])).length),
  );
  assert.is(sums.num, values.length);
  assert.is(sums.min, Math.min(...values));
  assert.is(
    sums.sum,
    values.reduce((a, b) => a + b, 0),
  );
  assert.is(
    sums.sumSquares,
    values.reduce((a, b) => a + b * b, 0),
  );
  assert.ok(limits.length < 400, `${limits.length}: empty buckets in a row are one`);
  assert.is(histogram(Float32Array.of(Number.NaN)), null);
  assert.is(histogram(new Float32Array(0)), null);
  const { min, max, num, sum, sumSquares } = histogram(Float32Array.of(1, 2, -4)) ?? {};
  assert.equal({ min, max, num, sum, sumSquares }, { min: -4, max: 2, num: 3, sum: -1, sumSquares: 21 });
  // All at one place: its bucket, and the empty ones below it as one.
  const zero = histogram(new Float32Array(9));
  assert.equal(
    [zero?.bucket, zero?.bucketLimit],
    [
      [0, 9],
      [0, 1e-12],
    ],
  );
});

test('the reader is strict: one bit that is turned, or a byte too few, is found, wherever it is', () => {
  const good = file(encodeEvent({ wallTime: now, step: 7, summary: [{ tag: 'x', simpleValue: 1 }] }));
  for (let at = 0; at < good.length; at++) {
    const bad = Buffer.from(good);
    bad[at] ^= 1 << (at % 8);
    assert.throws(() => readEvents(bad), /event file/, `byte ${at}`);
  }
  assert.throws(() => readEvents(good.subarray(0, -1)), /half a record/);
  assert.is(readEvents(good.subarray(0, -1), true).length, 1);
});

test.run();
