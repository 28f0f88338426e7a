// Aff-Wild2's annotation tree and the original's annotation pickles.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readAnnotations } from '../../src/data/annotations';
import type { FacePose } from '../../src/data/face';
import { AFFWILD2_CLASSES, CLASSES } from '../../src/data/labels';
import { encodeAnnotationPickle, parseAnnotationPickle } from '../../src/data/layouts/annotation_pickle';
import type { AnnotationSet } from '../../src/data/samples';
import { type PickleValue, PyObject, readPickle, writePickle } from '../../src/formats/pickle';
import { refusal } from './goldens';

const GOLDEN = 'test/golden/data/affwild2/annotations';
const EXPECTED = JSON.parse(readFileSync('test/golden/pickles/affwild2.json', 'utf8'));
/** The frames of the golden tree: frame 2 of the first video and 6 of the last are not there. */
const FRAMES = {
  '10-30-1280x720': [1, 3, 4, 5, 6, 7, 8],
  '7-60-1920x1080': [1, 2, 3, 4, 5],
  all_dropped: [1, 2],
  only_expr: [1, 2, 3],
  only_va: [1, 2],
  video12_left: [1, 2, 3, 4, 5],
};

/** A copy of the golden tree with empty frames, to be damaged; `change` gets its folder. */
function tree(change: (dir: string) => void = () => {}): { annotations: string; videos: string } {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-test-'));
  const [annotations, videos] = [join(dir, 'annotations'), join(dir, 'videos')];
  cpSync(GOLDEN, annotations, { recursive: true });
  for (const [video, frames] of Object.entries(FRAMES)) {
    mkdirSync(join(videos, video), { recursive: true });
    for (const n of frames) writeFileSync(join(videos, video, `${String(n).padStart(5, '0')}.jpg`), '');
  }
  change(dir);
  return { annotations, videos };
}

const read = ({ annotations, videos }: { annotations: string; videos: string }) =>
  readAnnotations(annotations, { dataset: 'affwild2', classes: AFFWILD2_CLASSES, imageDir: videos });

/** As the fixture lists them. */
const listed = (set: AnnotationSet, prefix = '') =>
  set.samples
    .map(({ image, expression, valence, arousal }) => ({
      frame_path: `${prefix}${image}`,
      expression,
      valence,
      arousal,
    }))
    .sort((a, b) => (a.frame_path < b.frame_path ? -1 : 1));

test('the join is the one that the original makes', async () => {
  const { train, val } = await read(tree());
  assert.equal(listed(train, 'videos/'), EXPECTED.train);
  assert.equal(listed(val!, 'videos/'), EXPECTED.val);
  assert.equal(train.bad, []);
  assert.equal([...train.dropped].sort(), [
    ['expression -1', 5],
    ['no valence and arousal', 3],
    ['valence or arousal outside -1 .. 1', 3],
  ]);
  assert.is(train.samples.at(0).where, 'Train_Set/10-30-1280x720.txt line 5');
  assert.ok([...train.samples].every((s) => s.pose === null));
});

test('frames beyond the text files, odd names and empty videos are bad rows; the rest is read', async () => {
  const damaged = tree((dir) => {
    writeFileSync(join(dir, 'videos/10-30-1280x720/00009.jpg'), '');
    writeFileSync(join(dir, 'videos/10-30-1280x720/00000.jpg'), '');
    writeFileSync(join(dir, 'videos/10-30-1280x720/3.jpg'), '');
    writeFileSync(join(dir, 'videos/10-30-1280x720/notes.txt'), '');
    rmSync(join(dir, 'videos/video12_left'), { recursive: true });
    const shorter = readFileSync(join(dir, 'annotations/VA_Set/Validation_Set/7-60-1920x1080.txt'), 'utf8');
    writeFileSync(
      join(dir, 'annotations/VA_Set/Validation_Set/7-60-1920x1080.txt'),
      shorter.split('\n').slice(0, 4).join('\r\n'),
    );
  });
  const { train, val } = await read(damaged);
  const told = (set: AnnotationSet) => set.bad.map(({ image, reason }) => `${image}: ${reason}`);
  assert.is(told(train).length, 4);
  assert.match(told(train)[0], /^10-30-1280x720\/00000.jpg: expected a frame named NNNNN.jpg, from 00001/);
  assert.match(told(train)[1], /00009.jpg: expected a label of frame 9, found 8 in .*EXPR_Set.*10-30-1280x720.txt/);
  assert.match(told(train)[2], /3.jpg: expected a frame named/);
  assert.match(told(train)[3], /^video12_left: expected frames .* found none/);
  assert.equal(
    listed(train, 'videos/'),
    EXPECTED.train.filter((s: { frame_path: string }) => s.frame_path.includes('10-30')),
  );
  assert.is(told(val!).length, 2);
  assert.match(told(val!)[0], /00004.jpg: expected a label of frame 4, found 3 in .*VA_Set/);
  assert.equal(listed(val!, 'videos/'), EXPECTED.val.slice(0, 3));
});

test('lines that are no labels are refused with file and line', async () => {
  const expr = 'EXPR_Set/Train_Set/10-30-1280x720.txt';
  const pairs = 'VA_Set/Train_Set/only_va.txt';
  const head = 'Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise\n';
  for (const [file, content, message] of [
    [expr, `${head}1\nx\n`, /10-30-1280x720.txt: line 3: expected an expression of -1 to 6, found "x"/],
    [expr, `${head}1\n\n2\n`, /line 3: expected an expression .* found ""/],
    [expr, `${head}1.5\n`, /line 2: .* found "1.5"/],
    [expr, `${head}NaN\n`, /line 2: .* found "NaN"/],
    [expr, `${head}99999999999999999999\n`, /line 2: .* found "99999999999999999999"/],
    [expr, `${head}-2\n`, /line 2: .* found "-2"/],
    [expr, '1\n2\n', /line 1: expected a header line before the labels, found "1"/],
    [pairs, 'valence,arousal\n0.5\n', /only_va.txt: line 2: expected two numbers valence,arousal, found "0.5"/],
    [pairs, 'valence,arousal\n0.5,nan\n', /line 2: .* found "0.5,nan"/],
    [pairs, 'valence,arousal\n0,1e300\n', /line 2: .* found "0,1e300"/],
    [pairs, 'valence,arousal\n0,0,0\n', /line 2: .* found "0,0,0"/],
    [pairs, 'valence,arousal\n0,0x1\n', /line 2: .* found "0,0x1"/],
    [pairs, 'valence,arousal\n0,0\n1,\n', /line 3: .* found "1,"/],
    [expr, Buffer.from(`${head}1\n2\n`, 'utf16le'), /10-30-1280x720.txt: line 2: expected an expression/],
    [expr, Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x0a, 0x00, 0x0a, 0x01]), /line 2: expected an expression/],
  ] as const) {
    await refusal(() => read(tree((dir) => writeFileSync(join(dir, 'annotations', file), content))), message);
  }
  await refusal(
    () => read(tree((dir) => rmSync(join(dir, 'annotations/VA_Set/Train_Set'), { recursive: true }))),
    /VA_Set\/Train_Set: no such folder; expected Aff-Wild2's annotations: EXPR_Set and VA_Set/,
  );
  const { annotations } = tree();
  await refusal(
    () => read({ annotations, videos: annotations }),
    /Train_Set: expected frames below .* found none among 4 \(.*check --image_dir/,
  );
});

const parse = (bytes: Uint8Array, dataset: 'affectnet' | 'affwild2' = 'affwild2') =>
  parseAnnotationPickle(bytes, 'data.pkl', { dataset, classes: dataset === 'affwild2' ? AFFWILD2_CLASSES : CLASSES });

test("the original's Aff-Wild2 pickle is read, and its frames are found by either path", async () => {
  const { train, val } = parse(readFileSync('test/golden/pickles/affwild2.pkl'));
  assert.equal(listed(train), EXPECTED.train);
  assert.equal(listed(val), EXPECTED.val);
  const { videos } = tree();
  const options = { dataset: 'affwild2', classes: AFFWILD2_CLASSES } as const;
  const first = async (imageDir: string) => {
    const { train } = await readAnnotations('test/golden/pickles/affwild2.pkl', { ...options, imageDir });
    return train.samples.at(0).image;
  };
  assert.is(await first(videos), '10-30-1280x720/00004.jpg');
  assert.is(await first(join(videos, '..')), 'videos/10-30-1280x720/00004.jpg');
});

test("the original's AffectNet pickles of every protocol hold what its CSV holds", async () => {
  const expected = JSON.parse(readFileSync('test/golden/pickles/affectnet_faces8.json', 'utf8'));
  for (const name of ['', '_protocol2', '_protocol3', '_protocol5']) {
    const { train, val } = parse(readFileSync(`test/golden/pickles/affectnet_faces8${name}.pkl`), 'affectnet');
    for (const [set, part] of [
      [train, 'train'],
      [val, 'val'],
    ] as const) {
      const same = set.samples.map(({ image, pose, expression, valence, arousal }) => {
        const [face_x, face_y, face_width, face_height] = (pose as FacePose).box;
        const eyes = { left_eye: [...(pose as FacePose).leftEye], right_eye: [...(pose as FacePose).rightEye] };
        return {
          ...{ image_path: image, face_x, face_y, face_width, face_height },
          ...{ expression, valence, arousal, ...eyes },
        };
      });
      assert.equal(same, expected[part]);
      assert.equal(set.bad, []);
    }
  }
});

test('a pickle that was written is read back as it was', () => {
  for (const [dataset, name] of [
    ['affwild2', 'affwild2.pkl'],
    ['affectnet', 'affectnet_faces8.pkl'],
  ] as const) {
    const sets = parse(readFileSync(`test/golden/pickles/${name}`), dataset);
    const again = parse(encodeAnnotationPickle({ train: sets.train.samples, val: sets.val.samples }, dataset), dataset);
    assert.equal(again, sets);
  }
});

test('pickles of something else, of another data set and with broken records', async () => {
  const bytes = readFileSync('test/golden/pickles/affwild2.pkl');
  await refusal(
    () => parse(bytes, 'affectnet'),
    /train\[0\]: .* found a dataloading.Affwild2_annotation; .* --dataset affwild2/,
  );
  await refusal(() => parse(writePickle([1, 2])), /expected a dict of two lists, train and val, found a list of 2/);
  await refusal(() => parse(bytes.subarray(0, 100)), /data.pkl: byte/);
  await refusal(
    () =>
      parse(
        writePickle(
          new Map<PickleValue, PickleValue>([
            ['train', [1]],
            ['val', []],
          ]),
        ),
      ),
    /train\[0\]: expected Affwild2_annotation/,
  );
  const value = readPickle(bytes) as Map<string, PyObject[]>;
  // What was read is packed: its state is a copy.
  const records = value.get('train')!.map((r) => Object.assign(new PyObject(r.name), { state: r.state }));
  value.set('train', records);
  const states = records.map((r) => r.state as Map<PickleValue, PickleValue>);
  states[0].set('valence', Number.NaN);
  states[1].set('arousal', 1.5);
  states[2].set('expression', 'happy');
  states[3].delete('frame_path');
  states[4].set('expression', 7);
  const { train } = parse(writePickle(value));
  assert.is(train.samples.length, 2);
  assert.ok(Number.isNaN(train.samples.at(0).valence), 'not known, as an empty field of a CSV');
  assert.equal([...train.dropped], [['expression 7', 1]]);
  assert.equal(
    train.bad.map(({ where }) => where),
    [1, 2, 3].map((i) => `data.pkl train[${i}]`),
  );
});

test.run();
