// Aff-Wild2's annotation tree and the original's annotation pickles.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readAnnotations } from '../../src/data/annotations';
import type { FacePose } from '../../src/data/face';
import { AFFWILD2_CLASSES, CLASSES } from '../../src/data/labels';
import {
  datasetOfPickle,
  encodeAnnotationPickle,
  parseAnnotationPickle,
} from '../../src/data/layouts/annotation_pickle';
import type { AnnotationSet } from '../../src/data/samples';
import { ndarray, type PickleValue, PyObject, readPickle, writePickle } from '../../src/formats/pickle';
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
    writeFileSync(join(dir, 'videos/10-30-1280x720/.00001.jpg'), '');
    writeFileSync(join(dir, 'annotations/EXPR_Set/Train_Set/.hidden.txt'), '');
    writeFileSync(join(dir, 'annotations/EXPR_Set/Train_Set/readme.md'), '');
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
  assert.equal(
    train.bad.map(({ where }) => where),
    ['', ' line 10', '', ''].map((line, i) => `Train_Set/${i < 3 ? '10-30-1280x720' : 'video12_left'}.txt${line}`),
  );
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
    [expr, `${head}8\n`, /line 2: .* found "8"/],
    [expr, `${head}${'x'.repeat(60)}\n`, /line 2: .* found "x{60}"$/],
    [expr, `${head}${'x'.repeat(61)}\n`, /line 2: .* found "x{60}\.\.\."$/],
    [pairs, 'valence,arousal\n1000001,0\n', /line 2: .* found "1000001,0"/],
    [pairs, 'valence,arousal\n0,-1000001\n', /line 2: .* found "0,-1000001"/],
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
    /Train_Set: expected frames below .* found none among 4 \(4 broken, the first \S+: expected frames .*\); check --image_dir/,
  );
});

test('what is at the edge of a label is one, and is left out by its kind', async () => {
  const edges = tree((dir) => {
    writeFileSync(join(dir, 'annotations/EXPR_Set/Train_Set/10-30-1280x720.txt'), `head\n-1\n0\n0\n 6 \n7\n+0\n0\n0`);
    writeFileSync(
      join(dir, 'annotations/VA_Set/Train_Set/10-30-1280x720.txt'),
      'head\n0,0\n0,0\n1e6,0\n-1,1\n0,0\n0,-1e6\n1.0001,0\n0,-1.0001\n',
    );
    for (const other of ['all_dropped', 'only_expr', 'video12_left'])
      rmSync(join(dir, `annotations/EXPR_Set/Train_Set/${other}.txt`), { force: true });
  });
  const { train } = await read(edges);
  assert.equal(listed(train), [{ frame_path: '10-30-1280x720/00004.jpg', expression: 6, valence: -1, arousal: 1 }]);
  assert.equal([...train.dropped].sort(), [
    ['expression -1', 1],
    ['expression 7', 1],
    ['valence or arousal outside -1 .. 1', 4],
  ]);
  rmSync(join(edges.videos, '10-30-1280x720/00004.jpg'));
  await refusal(
    () => read(edges),
    /found none among 6 \(1 with expression -1; 4 with valence or arousal outside -1 .. 1; 1 with expression 7\); check/,
  );
});

test('folders that are none, and those that lead nowhere', async () => {
  const set = (path: string, make: (at: string) => void) =>
    tree((dir) => {
      rmSync(join(dir, path), { recursive: true });
      make(join(dir, path));
    });
  const file = (at: string) => writeFileSync(at, '');
  const circle = (at: string) => symlinkSync(at, at);
  await refusal(
    () => read(set('annotations/EXPR_Set/Train_Set', file)),
    /Train_Set: no such folder; expected Aff-Wild2's annotations/,
  );
  await refusal(
    () => read(set('annotations/EXPR_Set/Train_Set', circle)),
    /Train_Set: .* a symbolic link that leads back to itself/,
  );
  const { train } = await read(set('videos/video12_left', file));
  assert.match(train.bad[0].reason, /^expected frames .* found none/);
  await refusal(
    () => read(set('videos/video12_left', circle)),
    /video12_left: .* a symbolic link that leads back to itself/,
  );
});

test("an AffectNet record's fields, each at its edges", async () => {
  const whole: [string, PickleValue][] = [
    ['image_path', 'a.jpg'],
    ...['face_x', 'face_y', 'face_width', 'face_height'].map((name): [string, PickleValue] => [name, 10]),
    ['expression', 3],
    ['valence', 0.5],
    ['arousal', -1],
    ['left_eye', ndarray(BigInt64Array.of(1n, 2n), [2])],
    ['right_eye', ndarray(BigInt64Array.of(5n, 2n), [2])],
  ];
  const point = (...at: number[]) => ndarray(Float64Array.from(at), [at.length]);
  const one = (changes: Record<string, PickleValue>) => {
    const record = new PyObject('dataloading.AffectNet_annotation');
    record.state = new Map([...whole, ...Object.entries(changes)]);
    const sets = new Map<PickleValue, PickleValue>([
      ['train', [record]],
      ['val', []],
    ]);
    return parse(writePickle(sets), 'affectnet').train;
  };
  const goods: Record<string, PickleValue>[] = [
    {},
    { face_x: -1e6, face_y: 1e6 },
    { face_width: 1, face_height: 1 },
    { expression: 0 },
    { expression: 6, valence: 1, arousal: -1 },
    { left_eye: point(-1e6, 1e6) },
    { left_eye: point(5, 3) },
  ];
  for (const changes of goods) assert.equal([one(changes).samples.length, one(changes).bad], [1, []]);
  for (const none of [null, -2, Number.NaN])
    for (const name of ['valence', 'arousal'] as const)
      assert.ok(Number.isNaN(one({ [name]: none }).samples.at(0)[name]));
  for (const expression of [-1, 7]) assert.equal([...one({ expression }).dropped], [[`expression ${expression}`, 1]]);
  const bads: [Record<string, PickleValue>, string][] = [
    [{ image_path: '' }, 'expected a path, found the string ""'],
    [{ image_path: 7 }, 'expected a path, found the number 7'],
    [{ expression: 1.5 }, 'expression: expected an integer, found 1.5'],
    [{ expression: null }, 'expression: expected a number, found None'],
    [{ valence: 1.25 }, 'valence: expected a number of -1 .. 1, found the number 1.25'],
    [{ arousal: -1.25 }, 'arousal: expected a number of -1 .. 1, found the number -1.25'],
    [{ face_x: 1_000_001 }, 'face_x: expected a number, found the number 1000001'],
    [{ face_y: 'x' }, 'face_y: expected a number, found the string "x"'],
    [{ face_width: 0.5 }, 'face box: expected a size of 1 or more, found 0.5 x 10'],
    [{ face_height: 0 }, 'face box: expected a size of 1 or more, found 10 x 0'],
    [{ left_eye: point(1) }, 'left_eye: expected an array of two numbers, found a Ndarray'],
    [{ left_eye: point(1, 2, 3) }, 'left_eye: expected an array of two numbers, found a Ndarray'],
    [{ right_eye: point(1, 1_000_001) }, 'right_eye: expected an array of two numbers, found a Ndarray'],
    [{ right_eye: [1, 2] }, 'right_eye: expected an array of two numbers, found a list of 2'],
    [{ right_eye: point(1, 2) }, 'both eyes are at 1, 2'],
  ];
  for (const [changes, reason] of bads) {
    const { samples, bad } = one(changes);
    assert.equal([samples.length, bad.map((b) => b.reason)], [0, [reason]]);
  }
  const box = (width: number, height: number) => one({ face_width: width, face_height: height }).stretched;
  assert.equal([box(10, 10.9), box(10, 11), box(9.9, 10)], [0, 1, 1]);
});

test("another data set's records are refused with the flag that takes them; a stranger's without", async () => {
  const of = (name: string) => {
    const record = new PyObject(name);
    record.state = new Map();
    return writePickle(
      new Map<PickleValue, PickleValue>([
        ['train', []],
        ['val', [record]],
      ]),
    );
  };
  await refusal(
    () => parse(of('dataloading.AffectNet_annotation')),
    /^data.pkl: val\[0\]: expected Affwild2_annotation, found a dataloading.AffectNet_annotation; .*--dataset affectnet$/,
  );
  await refusal(
    () => parse(of('argparse.Namespace')),
    /^data.pkl: val\[0\]: expected Affwild2_annotation, found a argparse.Namespace$/,
  );
  const stateless = writePickle(
    new Map<PickleValue, PickleValue>([
      ['train', [new PyObject('dataloading.Affwild2_annotation')]],
      ['val', []],
    ]),
  );
  await refusal(
    () => parse(stateless),
    /train\[0\]: expected Affwild2_annotation, found a dataloading.Affwild2_annotation$/,
  );
});

test('of which data set a pickle is, by its first record', () => {
  const pickled = (name: string) => datasetOfPickle(readPickle(readFileSync(`test/golden/pickles/${name}`)));
  assert.is(pickled('affwild2.pkl'), 'affwild2');
  assert.is(pickled('affectnet_faces8.pkl'), 'affectnet');
  assert.is(pickled('adj_numpy2.pkl'), undefined);
  const value = readPickle(readFileSync('test/golden/pickles/affwild2.pkl')) as Map<string, PickleValue[]>;
  assert.is(datasetOfPickle(new Map<PickleValue, PickleValue>([['val', value.get('val')!.slice(0, 1)]])), 'affwild2');
  for (const none of [null, [], new Map(), new Map([['train', []]])]) assert.is(datasetOfPickle(none), undefined);
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

test('with --align off a pickle has its pictures as they are', async () => {
  const read = (align: boolean) =>
    readAnnotations('test/golden/pickles/affectnet_faces8.pkl', {
      ...{ dataset: 'affectnet', classes: CLASSES, imageDir: null, align },
    });
  const [on, off] = [await read(true), await read(false)];
  for (const part of ['train', 'val'] as const) {
    const [posed, plain] = [on[part]?.samples, off[part]?.samples];
    assert.ok(posed && plain && posed.length > 0);
    assert.ok(posed.map(({ pose }) => pose !== null).every(Boolean));
    assert.equal(
      plain.map((sample) => sample),
      posed.map((sample) => ({ ...sample, pose: null })),
    );
    assert.is(off[part]?.stretched, 0);
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
