// npm run bench:startup [-- --json] [--gpu ID] [--network densenet|bregnext|denselite] [--runs N] [--faces DIR]
// From the start of the process to the end of the first training step (112 pixels, batch 8): cold, with the driver's
// shader cache empty, and warm, right after. The median of --runs (3) of each.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { TrainArgs } from '../src/train/settings/args';

/** Milliseconds since the start of the process at which something was done. */
type Times = Readonly<Record<string, number>>;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    gpu: { type: 'string' },
    network: { type: 'string', default: 'densenet' },
    runs: { type: 'string', default: '3' },
    /** A set that `emotion-gcn synth` has drawn; none: one is drawn. */
    faces: { type: 'string' },
    /** What the child process gets: settings, as JSON. */
    child: { type: 'string' },
  },
});

/** Trains as the program does, and ends the process after three steps with the times. */
async function child(settings: string): Promise<void> {
  const times: Record<string, number> = { node: performance.now() };
  const done = (name: string): void => {
    times[name] ??= performance.now();
  };
  const { trainVisibly } = await import('../src/cli/train');
  const { readTrainArgs } = await import('../src/train/settings/args');
  done('imports');
  const notices: [RegExp, string][] = [
    [/training and \d+ validation faces/, 'faces'],
    [/^adapter: (.*)/, 'device'],
    [/^compiling/, 'network'],
  ];
  let adapter = '';
  await trainVisibly(readTrainArgs(JSON.parse(settings) as Partial<TrainArgs>), {
    hooks: {
      onNotice(line) {
        for (const [pattern, name] of notices) if (pattern.test(line)) done(name);
        adapter ||= line.match(/^adapter: (.*)/)?.[1] ?? '';
      },
      onStep({ step }) {
        done(`step ${step}`);
        if (step < 3) return;
        process.stdout.write(`${JSON.stringify({ adapter, times })}\n`);
        process.exit();
      },
    },
  });
}

function start(settings: object, shaders: string): { adapter: string; times: Times } {
  const env = { ...process.env, MESA_SHADER_CACHE_DIR: shaders, __GL_SHADER_DISK_CACHE_PATH: shaders };
  const program = [fileURLToPath(import.meta.url), '--child', JSON.stringify(settings)];
  const { stdout, status } = spawnSync(process.execPath, program, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`the training ended with exit code ${status}`);
  return JSON.parse(stdout);
}

const median = (times: readonly number[]): number => [...times].sort((a, b) => a - b)[times.length >> 1];

async function main(): Promise<void> {
  const { writeSyntheticSet } = await import('../src/data');
  const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-startup-'));
  try {
    const faces = values.faces ?? join(dir, 'faces');
    const set = values.faces
      ? { training: join(faces, 'training.csv'), validation: join(faces, 'validation.csv') }
      : await writeSyntheticSet({ out: faces, n: 48, validation: 8, seed: 1, size: 128 });
    const found: Record<string, Times[]> = { cold: [], warm: [] };
    let adapter = '';
    for (let i = 0; i < Math.max(1, Number(values.runs) || 3); i++) {
      const shaders = join(dir, `shaders${i}`);
      for (const state of ['cold', 'warm']) {
        const settings = {
          image_dir: faces,
          data: set.training,
          val_data: set.validation,
          emb: 'random',
          network: values.network,
          batch_size: 8,
          image_size: 112,
          epochs: 1,
          cache: join(dir, `crops${i}`),
          saved_model: join(dir, `${state}${i}`),
          ...(values.gpu ? { gpu: values.gpu } : {}),
        };
        const { times, ...run } = start(settings, shaders);
        adapter = run.adapter;
        found[state].push(times);
      }
    }
    for (const [state, runs] of Object.entries(found)) report(state, runs, adapter);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function report(state: string, runs: readonly Times[], adapter: string): void {
  const at = (name: string): number => median(runs.map((times) => times[name]));
  const step = median(runs.map((times) => times['step 3'] - times['step 2']));
  const work = `startup ${values.network} 112 b8 ${state}`;
  if (values.json) {
    const phases = Object.fromEntries(Object.keys(runs[0]).map((name) => [name, at(name)]));
    console.log(JSON.stringify({ work, adapter, ms: at('step 1'), steady_step_ms: step, done_at_ms: phases }));
    return;
  }
  const phases = ['imports', 'faces', 'device', 'network', 'step 1'].map((n) => `${n} ${(at(n) / 1000).toFixed(2)}`);
  console.log(
    `${work}: ${(at('step 1') / 1000).toFixed(2)} s, of which a steady step is ${(step / 1000).toFixed(2)} s`,
  );
  console.log(`  done after (s): ${phases.join(', ')}`);
}

await (values.child ? child(values.child) : main());
