// The files by which runs are compared: hashes.csv, and the manifest.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Hashes, isHashed } from '../../src/train/loop/hashes';
import type { StateHash } from '../../src/train/loop/state_hash';
import type { Team } from '../../src/train/loop/team';
import { formatHashes, parseHashes } from '../../src/train/run/hashes';
import { differences, type Manifest, NOT_HASHED } from '../../src/train/run/manifest';
import { MAY_DIFFER } from '../../src/train/run/resume';
import { readTrainArgs } from '../../src/train/settings/args';

const test = suite('hashes');

const ROWS = [
  { epoch: 0, step: 0, hash: '0123456789abcdef' },
  { epoch: 1, step: 50, hash: 'ffffffffffffffff' },
];

test('hashes.csv is read as it was written', () => {
  const text = formatHashes(ROWS);
  assert.is(text, 'epoch,step,hash\n0,0,0123456789abcdef\n1,50,ffffffffffffffff\n');
  assert.equal(parseHashes(text, 'hashes.csv'), ROWS);
  assert.equal(parseHashes('epoch,step,hash\n', 'hashes.csv'), []);
});

test('what is no hashes.csv is refused, by line', () => {
  const text = formatHashes(ROWS);
  for (const [bad, message] of [
    ['', /^h: line 1: expected epoch,step,hash, found ""$/],
    ['step,hash\n', /^h: line 1: expected epoch,step,hash, found "step,hash"$/],
    [text.replace('50,', '0,'), /^h: line 3: expected an epoch, a step above 0 and 16 hexadecimal digits, found "1,0,/],
    [text.slice(0, -2), /^h: line 3: expected an epoch, .* found "1,50,fffffffffffffff"$/],
    [text.replace('0123', 'ABCD'), /^h: line 2: /],
    [`${text}\n1,100,${'f'.repeat(1e6)}\n`, /^h: line 4: .* found ""$/],
  ] as const)
    assert.throws(() => parseHashes(bad, 'h'), message);
});

test('of the groups of batches each is hashed in which the run comes to a multiple of 50', () => {
  const hashed = (size: number) =>
    Array.from({ length: 120 / size }, (_, i) => (i + 1) * size).filter((to) => isHashed(to - size, to));
  assert.equal(hashed(1), [50, 100]);
  assert.equal(hashed(3), [51, 102]);
  assert.equal(hashed(60), [60, 120]);
});

test('a row is taken once, from that of the start on, and told when its step is settled', async () => {
  let taken = 0;
  const state = { take: async () => `${taken++}` } as unknown as StateHash;
  const team = { ofAll: async (own: unknown) => [own] } as unknown as Team;
  const told: [number, string][] = [];
  const hashes = new Hashes(state, null, { onHash: ({ step, hash }) => void told.push([step, hash]) }, team);
  hashes.take(0, 0);
  await hashes.settle(0);
  for (const step of [0, 1, 50]) hashes.take(1, step);
  await hashes.settle(1);
  const first = [
    [0, '0'],
    [1, '1'],
  ];
  assert.equal(told, first);
  await hashes.settle(50);
  assert.equal(told, [...first, [50, '2']]);
});

test('what may differ on resume is not taken for a change of settings', () => {
  for (const name of Object.keys(MAY_DIFFER)) assert.ok(NOT_HASHED.has(name), name);
});

test('what differs between two manifests is said, and nothing else', () => {
  const args = readTrainArgs({ image_dir: 'faces', data: '/a.csv', val_data: '/v.csv', saved_model: 'run' });
  const manifest: Manifest = {
    format_version: 2,
    seed: 0,
    settings: 's',
    data: { '/a.csv': '0'.repeat(64), '/v.csv': '1'.repeat(64) },
    adapter: { vendor: 'mesa', architecture: 'software', device: 'llvmpipe', description: 'Mesa 25' },
    versions: { 'emotion-gcn': '1', webgpu: '2', sharp: '3', node: '4', system: '5' },
  };
  const of = (now: Partial<Manifest>) => differences({ ...manifest, ...now }, args, manifest, args);
  assert.equal(of({}), []);
  // The same annotations elsewhere.
  const moved = { ...manifest, data: { '/b.csv': '0'.repeat(64), '/v.csv': '1'.repeat(64) } };
  assert.equal(differences(moved, { ...args, data: '/b.csv' }, manifest, args), []);
  const { adapter, versions, data } = manifest;
  assert.equal(of({ data: { ...data, '/v.csv': '2'.repeat(64) } }), [
    `data: --val_data has the hash ${'2'.repeat(16)}…, the run had ${'1'.repeat(16)}…`,
  ]);
  assert.equal(of({ adapter: { ...adapter, device: 'H200', vendor: 'nvidia', architecture: '' } }), [
    'adapter: nvidia H200, the run had mesa software llvmpipe',
  ]);
  assert.equal(of({ adapter: { ...adapter, description: 'Mesa 26' } }), ['driver: Mesa 26, the run had Mesa 25']);
  assert.equal(of({ versions: { ...versions, sharp: '33', node: '44' } }), [
    'version of sharp: 33, the run had 3',
    'version of node: 44, the run had 4',
  ]);
  // Whatever it holds.
  const odd = { ...manifest, data: { '/a.csv': 5 }, adapter: 'x', versions: null, settings: {} } as unknown as Manifest;
  assert.equal(differences(manifest, args, odd, args), [
    `data: --data has the hash ${'0'.repeat(16)}…, the run had none`,
    `data: --val_data has the hash ${'1'.repeat(16)}…, the run had none`,
    'adapter: mesa software llvmpipe, the run had none',
  ]);
  assert.equal(of({ settings: 't' }), ['settings: args.json was changed since the run began']);
});

test.run();
