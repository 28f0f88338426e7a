// Samples in columns: what goes in comes out, in little memory.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Sample, SampleColumns, Samples } from '../../src/data/sample_columns';

const test = suite('sample columns');

const mixed: Sample[] = [
  {
    image: 'a b/ü.jpg',
    where: 'x.csv line 17',
    expression: 3,
    valence: 0.1,
    arousal: Number.NaN,
    pose: null,
    group: null,
  },
  {
    ...{ image: '', where: '100% sure', expression: 49, valence: -1, arousal: 1, group: 'Anna' },
    pose: { leftEye: [1, 2.5], rightEye: [-3, 4], box: [5, 6, 7.25, 8] },
  },
  {
    ...{ image: '\u{1f600}.png', where: 'data.pkl train[5]', expression: 0, valence: 0, arousal: 0, group: 'Bo' },
    pose: { landmarks: 'annotations/7_lnd.npy' },
  },
  { image: 'z', where: '007', expression: 1, valence: 0, arousal: 0, pose: null, group: 'Anna' },
];

test('what goes in comes out, also through bytes and of a choice', () => {
  const samples = Samples.of(mixed);
  assert.equal([...samples], mixed);
  assert.equal([...Samples.decode(samples.encode())], mixed);
  const chosen = samples.select([3, 1, 1]).select([0, 2]);
  assert.equal([...chosen], [mixed[3], mixed[1]]);
  assert.equal([...Samples.decode(chosen.encode())], [mixed[3], mixed[1]]);
  assert.equal([...samples.filter((s) => s.group === 'Anna')], [mixed[1], mixed[3]]);
  assert.is(
    samples.filter(() => true),
    samples,
  );
  assert.throws(() => samples.at(4), /sample 4 of 4/);
  assert.throws(() => chosen.at(-1), /sample -1 of 2/);
  assert.equal([...Samples.of([])], []);
});

test('bytes that were changed are refused', () => {
  const bytes = Samples.of(mixed).encode();
  const text = Buffer.from(bytes).toString('latin1');
  assert.throws(
    () => Samples.decode(Buffer.from(text.replace('"n":"4"', '"n":"5"'), 'latin1'), 'kept'),
    /kept: expected a column/,
  );
  assert.throws(() => Samples.decode(bytes.subarray(0, bytes.length - 3), 'kept'), /kept/);
});

test('a face takes at most 200 bytes', () => {
  const columns = new SampleColumns();
  const n = 20_000;
  for (let i = 0; i < n; i++) {
    const image = `${i % 1300}/${String(i).padStart(56, 'f')}.jpg`;
    const pose = { leftEye: [i, 2], rightEye: [i + 3, 4], box: [i, 1, 2, 2] } as const;
    columns.push(
      { image, expression: i % 7, valence: 0.5, arousal: 0, pose: pose as never, group: null },
      'training.csv line %',
      i,
    );
  }
  // All that is kept is in typed arrays, which the encoding holds one by one.
  const each = columns.done().encode().length / n;
  assert.ok(each < 200, `${each}`);
});

test.run();
