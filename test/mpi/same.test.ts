// Trainings over ranks come to the bits of one process with --grad_accum_steps.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { job } from './job';
import { Runs, under, WHOLE } from './runs';

const test = suite('mpi: same bits');
/** Seven batches an epoch, the last of three: no number of ranks divides them. */
const runs = new Runs(15, '--model multi_task --network denselite --image_size 32 --batch_size 2 --epochs 2 --seed 3');
test.before(() => runs.draw());
test.after(() => runs.remove());

/** @param flags of the training over ranks, and what one process needs besides for the same */
const equal = (ranks: number, flags: string, besides = ''): void =>
  under(test, `${ranks} ranks ${flags}`.trim(), async (launcher, id) => {
    const name = `${id}${ranks}-${flags.replaceAll(/\W/g, '')}`;
    const { code, text, left } = await job(launcher, ranks, runs.train(name, flags));
    assert.is(code, 0, text);
    assert.equal(left, []);
    runs.same(await runs.byOne(`${flags} ${besides}`.trim()), name);
    const { grad_accum_steps } = JSON.parse(readFileSync(`${runs.path(name)}/args.json`, 'utf8'));
    assert.is(grad_accum_steps, Number(/grad_accum_steps (\d+)/.exec(`${besides} ${flags}`)?.[1]));
  });

equal(2, '', '--grad_accum_steps 2');
if (WHOLE) {
  equal(3, '', '--grad_accum_steps 3');
  equal(4, '', '--grad_accum_steps 4');
  equal(2, '--grad_accum_steps 4');
  // One batch an epoch.
  equal(4, '--limit 3', '--grad_accum_steps 4');
  equal(3, '--network bregnext --image_size 16 --optimizer adamw --ema 0.9 --clip_grad_norm 1', '--grad_accum_steps 3');
  equal(2, '--precision f16 --save_every 3', '--grad_accum_steps 2');
  equal(2, '--freeze_backbone on --augment off', '--grad_accum_steps 2');
  // Features are kept of each picture and its mirror image.
  equal(4, '--freeze_backbone on --rotation 0 --sampler balanced --tensorboard on', '--grad_accum_steps 4');
}

test.run();
