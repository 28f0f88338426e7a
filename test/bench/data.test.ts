// npm run bench:data, in short.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bench, lines } from './program';

const test = suite('bench:data');

interface Found {
  work: string;
  faces_per_s?: number;
  by_clock?: number;
  share?: number;
  python_faces_per_s?: number;
  ratio?: number;
  faces?: number;
}

test('drawn faces: a rate of every stage, shares of a whole, what feeds a GPU', async () => {
  const { out, err } = await bench(
    'bench:data',
    ...['--rows', '16', '--faces', 'nowhere', '--size', '32', '--workers', '1', '--json'],
  );
  const found = lines(out) as unknown as (Found & { cores_cold?: number; cores_warm?: number })[];
  const works = [
    'read',
    'decode',
    'align',
    'resize',
    'store',
    'read to resize',
    'all, 1 threads',
    'bytes alone',
    'read back',
  ];
  const upload = err.includes('upload: missing') ? [] : ['read back, upload'];
  assert.equal(
    found.map(({ work }) => work),
    [...works, ...upload, 'feed 2000 images/s'],
    err,
  );
  const feed = found.pop()!;
  for (const line of found) {
    assert.is(line.faces, 16);
    assert.ok((line.faces_per_s ?? line.by_clock)! > 0, line.work);
  }
  const share = found.reduce((sum, line) => sum + (line.share ?? 0), 0);
  // Each is the share of medians in a median of sums.
  assert.ok(share > 0.5 && share < 1.5, `shares add up to ${share}`);
  const rate = (work: string) => found.find((line) => line.work === work)!.faces_per_s!;
  assert.is(feed.cores_cold, 2000 / rate('read to resize'));
  assert.is(feed.cores_warm, 2000 / rate(upload[0] ?? 'read back'));
  const compared = found.filter((line) => line.python_faces_per_s !== undefined).map(({ work }) => work);
  const both = ['read', 'decode', 'align', 'resize', 'read to resize', 'all, 1 threads'];
  assert.equal(compared, err.includes('Python: missing') ? [] : both);
});

test('rows that are no number are wrong usage', async () => {
  const { code, err } = await bench('bench:data', '--rows', 'all');
  assert.is(code, 2);
  assert.match(err, /--rows: expected a whole number from 1, found all/);
});

test.run();
