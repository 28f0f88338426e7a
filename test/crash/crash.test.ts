// The short form of `npm run test:crash`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { crash } from './crash';

test('a training that is killed three times comes to the same bits', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-crash-'));
  const flags = '--model single_task --network bregnext --image_size 8 --batch_size 4 --epochs 2 --save_every 1';
  const lines: string[] = [];
  // With this seed in validation, at the first step and in preparation.
  const found = await crash({
    kills: 3,
    seed: 1,
    flags: flags.split(' '),
    faces: 14,
    dir,
    say: (line) => lines.push(line),
  });
  assert.equal({ ...found, resumes: 0 }, { kills: 3, resumes: 0, equal: 3, torn: 0 }, lines.join('\n'));
  assert.ok(found.resumes >= 1);
  rmSync(dir, { recursive: true });
});

test.run();
