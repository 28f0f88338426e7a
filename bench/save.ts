// npm run bench:save [-- --json] [--gpu ID] [--network densenet|bregnext] [--image_size N] [--steps N] [--blocks N]
// What a checkpoint in mid-epoch costs the training that goes on beside it (batch 8, 112 pixels): blocks of --steps (6) steps, of
// which every other one has a checkpoint written in it, in turn. Cost: the medians' difference; its share of a minute is what
// --save_minutes 1 takes of the throughput.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeSyntheticSet } from '../src/data';
import { Trainer } from '../src/train/loop/trainer';
import { readTrainArgs } from '../src/train/settings/args';
import { count, median } from './measure';
import { program } from './program';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'string' },
    network: { type: 'string', default: 'densenet' },
    image_size: { type: 'string', default: '112' },
    steps: { type: 'string', default: '6' },
    blocks: { type: 'string', default: '8' },
  },
});

program(async () => {
  const [each, blocks, size] = (['steps', 'blocks', 'image_size'] as const).map((name) => count(name, values[name]));
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-save-'));
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  // One epoch has all the steps: at its end everything would be saved.
  const n = 8 * (each * (blocks + 1) + 2);
  const set = await writeSyntheticSet({ out: join(dir, 'faces'), n, validation: 8, size: 112, seed: 0 });
  const args = readTrainArgs({
    ...{ image_dir: join(dir, 'faces'), data: set.training, val_data: set.validation, emb: 'random' },
    ...{ network: values.network as 'densenet', gpu: values.gpu ?? null, image_size: size, batch_size: 8 },
    ...{ epochs: 1, save_minutes: 0, cache: 'off', workers: 1, saved_model: join(dir, 'run') },
  });
  const stop = new AbortController();
  const times: { plain: number[]; saving: number[] } = { plain: [], saving: [] };
  // The first block is to warm up.
  let [steps, start, done] = [-each, 0, 0];
  const onStep = ({ phase }: { phase: string }): void => {
    if (phase !== 'train') return;
    const now = performance.now();
    if (++steps % each !== 0) return;
    if (steps > 0) (done++ % 2 === 0 ? times.plain : times.saving).push(now - start);
    if (done === blocks) stop.abort();
    else if (done % 2 === 1) trainer.save();
    start = now;
  };
  const trainer = new Trainer(args, { hooks: { onStep } });
  await trainer.run(stop.signal);
  const [plain, saving] = [median(times.plain), median(times.saving)];
  const found = {
    work: `save ${values.network} ${size} b8`,
    step_ms: plain / each,
    cost_ms: saving - plain,
    share_of_a_minute: (saving - plain) / 60_000,
    bytes: statSync(join(dir, 'run/weights/last.safetensors')).size,
  };
  if (values.json) process.stdout.write(`${JSON.stringify(found)}\n`);
  else
    process.stdout.write(
      `${found.work}: a step ${found.step_ms.toFixed(0)} ms; a checkpoint of ${(found.bytes / 2 ** 20).toFixed(0)} MiB costs ` +
        `${found.cost_ms.toFixed(0)} ms, ${(100 * found.share_of_a_minute).toFixed(2)} % of a minute\n`,
    );
});
