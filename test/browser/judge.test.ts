// The judge of the browser's goldens is tried itself: with a kernel that is wrong it must say so, of the files that the kernel is in alone.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { given } from '../given';
import { openPages, type Pages } from './pages';

const opened = await openPages();
const pages = opened as Pages;
test.after(() => opened?.close());

given(
  test,
  opened !== null,
  'Chromium',
)('a wrong kernel does not give its golden', async () => {
  const files = ['maxpool_plain_k3_1x3x8x8', 'relu_2x3x5x7'].map((name) => `ops/${name}.safetensors`);
  const failed = await pages.inPage('goldens', files, ['best = max(best, v);', 'best = min(best, v);']);
  assert.is(failed.length, 1, failed.join('\n'));
  assert.match(failed[0], /maxpool.* FAILED/);
});

test.run();
