import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Command } from 'commander';
import { InputError, MachineError } from '../base/errors';
import { fromFirst, sameOnAll } from '../ranks/agree';
import type { Outcome } from '../train/loop/session';
import type { TrainerOptions } from '../train/loop/trainer';
import { ARGS, checkFree } from '../train/run/files';
import { readRunToRepeat } from '../train/run/repeat';
import { readRunToResume } from '../train/run/resume';
import { readTrainArgs, TRAIN_SETTINGS, TRAIN_THEMES, type TrainArgs } from '../train/settings/args';
import { OWN } from '../train/settings/machine';
import { checkInputs, checkPlaces } from '../train/settings/places';
import { describeRecipes } from '../train/settings/recipes';
import { readSettings, resolvePaths, type Settings } from '../train/settings/settings';
import type { PageBeside } from '../ui/beside';
import { formatMetrics, shellPath } from './format';
import { exitStopped, stoppable } from './interrupt';
import { findRateVisibly } from './lr_find';
import { addProgress, ProgressView } from './progress';
import { allowSilence, launch, ranks, takeCard } from './ranks';
import { addSettingsByTheme } from './settings_options';
import { printResult, say } from './terminal';
import { addUi, openUi } from './ui';

const EXAMPLE = `
Examples:
  emotion-gcn train --image_dir AffectNet/Manually_Annotated_Images --data training.csv --val_data validation.csv \\
    --emb glove.6B.300d.txt --network densenet --model emotion_gcn --saved_model run1
  emotion-gcn train --data AffectNet --emb glove.6B.300d.txt --saved_model run1    (train_set and val_set, .npy)
  emotion-gcn train --data faces --model single_task --saved_model run1            (faces/train/happy/*.jpg, ...)
  emotion-gcn train --data faces --recipe small_set --saved_model run1
  emotion-gcn train --saved_model run1 --resume
  emotion-gcn train --config run1/args.json --saved_model run2 --lr 0.0003
  emotion-gcn train --config run1/args.json --lr_find --out rates
  emotion-gcn train --saved_model run1 --resume --progress json | jq 'select(.event == "epoch").val_loss'

--progress json: lines of {event, …}. step: phase (train, validate), epoch, epochs, step, steps, lr, and with the names of results.csv the means of the
epoch so far (train_loss, …; val_loss, …), images_per_second, seconds_left, bytes (of the device's memory, at most), best_epoch. epoch: its row of
results.csv, epochs, best_epoch. page: url (with --ui, first). notice: text. count: what, done, total. result: metrics.json, status, saved_model. null is no number.

Without --data, files are looked for where the original does: ./affectnet, ./data.pkl, ./adj.pkl; without --emb, ./emb.pkl; else the
package's own word vectors are taken (--emb glove100).
Flags may be written with hyphens too (--batch-size). What a run writes: args.json, manifest.json, results.csv, steps.csv, layers.jsonl,
hashes.csv, metrics.json, predictions.csv, run.log, weights/best.safetensors and weights/last.safetensors, the pictures results,
confusion_matrix, valence_arousal and label_graph as .svg and .png, and report.html, which shows all of it.`;

interface Flags {
  readonly config?: string;
  readonly resume?: boolean;
  readonly profile?: boolean;
  readonly dry_run?: boolean;
  readonly lr_find?: boolean;
  readonly out?: string;
  readonly ui?: string | true;
}

/** `emotion-gcn train` */
export const trainCommand = (): Command =>
  addUi(
    addProgress(
      addSettingsByTheme(new Command('train').description('train a network'), TRAIN_THEMES).optionsGroup('Run:'),
    ),
  )
    .option(
      '--resume',
      'go on with the run in --saved_model where it stopped; other flags are needed only for what was moved',
    )
    .option(
      '--config <FILE>',
      'repeat a run: the settings in its args.json are the defaults of all flags but --saved_model, its measured kernels are taken',
    )
    .option('--profile', 'time the kernels of some steps: a table by op at the end, and trace.json for Perfetto')
    .option('--dry_run', 'try all that a new run needs, up to its first step, and leave nothing')
    .option(
      '--lr_find',
      'no run, but at most 100 steps with a rate that rises from 1e-7 to 1: suggests an --lr, and writes lr_find.csv, .svg and .png to --out',
    )
    .option('--out <DIR>', 'folder for what --lr_find writes')
    .addHelpText('after', `\nRecipes:\n${describeRecipes()}\n${EXAMPLE}`)
    .action(async ({ resume, config, profile, dry_run: dryRun, lr_find, out, ui, ...options }: Flags) => {
      const { size } = ranks();
      if (lr_find && size > 1)
        throw new InputError(`--lr_find is of one process alone: start it without the ${size} ranks of mpirun`);
      if (lr_find && (resume || dryRun || profile))
        throw new InputError('--lr_find makes no run: it goes without --resume, --dry_run and --profile');
      if (lr_find && out === undefined)
        throw new InputError('missing: --out DIR, the folder for what --lr_find writes');
      if (out !== undefined && !lr_find)
        throw new InputError(`--out ${out} is for what --lr_find writes: give that too`);
      if (resume && dryRun)
        throw new InputError('--dry_run tries a new run, --resume goes on with one: give one of them');
      if (ui !== undefined && (dryRun || lr_find))
        throw new InputError('--ui shows a run: --dry_run and --lr_find make none, and go without it');
      if (resume && config !== undefined)
        throw new InputError('--resume goes on with a run as it is, --config starts another: give one of them');
      // It needs no run folder, and makes none.
      const given = out === undefined ? options : { saved_model: out, ...options };
      // The page's link comes first.
      const said: string[] = [];
      const note = ui === undefined ? say : (line: string): void => void said.push(line);
      const begin = (): Begun => (resume ? resumed(options) : repeated(config!, given));
      const isNew = !resume && config === undefined;
      await sameOnAll(ranks(), { 'what is done': resume ? '--resume' : isNew ? 'a new run' : '--config' });
      const begun = isNew ? fresh(given, note) : await asFirst(begin, options);
      const { args, ...of } = begun;
      allowSilence(args.rank_timeout);
      takeCard(args.gpu);
      const page = ranks().rank === 0 ? await openUi(ui) : null;
      for (const line of said) say(line);
      if (out !== undefined) {
        await findRateVisibly(args, out, of);
        return;
      }
      if (dryRun) checkFree(args.saved_model);
      const outcome = await trainVisibly(args, { ...of, profile, dryRun, ranks: ranks() }, page);
      if (outcome?.status === 'tried')
        printResult('all that the run needs works; nothing was kept', { status: outcome.status });
      if (outcome?.status !== 'finished') return;
      const { metrics } = outcome;
      const { saved_model } = args;
      printResult(`\n${formatMetrics(metrics)}\n\nbest epoch ${metrics.best_epoch}; written to ${saved_model}`, {
        status: outcome.status,
        saved_model,
        ...metrics,
      });
    });

/** Where the original looks for its files unless told otherwise: so does a run that names no --data, and for word vectors any. */
const ORIGINAL_PLACES = { image_dir: 'affectnet', data: 'data.pkl', adj: 'adj.pkl', emb: 'emb.pkl' } as const;

interface Begun extends Pick<TrainerOptions, 'resume' | 'kernels'> {
  readonly args: TrainArgs;
}

function fresh(given: Record<string, unknown>, note: (line: string) => void): Begun {
  const places = Object.entries(ORIGINAL_PLACES).filter(([name]) => {
    const needsVectors = (given.model ?? TRAIN_SETTINGS.model.default) === 'emotion_gcn';
    return name === 'emb' ? needsVectors : given.data === undefined;
  });
  const here = places.filter(([name, path]) => given[name] === undefined && existsSync(path));
  for (const [name, path] of here) note(`no --${name}: ${path}, which is here, is taken`);
  const args = readTrainArgs({ grad_accum_steps: ranks().size, ...given, ...Object.fromEntries(here) });
  checkInputs(args);
  return { args };
}

/** What rank 0 finds in a run folder, which other ranks need not have; what is each rank's own stays so. */
async function asFirst(begin: () => Begun, given: Record<string, unknown>): Promise<Begun> {
  const own = ranks();
  if (own.size === 1) return begin();
  const shared = Object.entries(given).filter(([name]) => !OWN.has(name));
  await sameOnAll(own, Object.fromEntries(shared.map(([name, value]) => [`--${name}`, String(value)])));
  const first = await fromFirst(own, own.rank === 0 ? begin() : null);
  if (own.rank === 0) return first;
  const all: Settings<Record<string, unknown>> = TRAIN_SETTINGS;
  const settings = Object.fromEntries(Object.entries(all).filter(([name]) => OWN.has(name)));
  const named = Object.entries(given).filter(([name]) => OWN.has(name));
  const mine = resolvePaths(settings, readSettings(settings, Object.fromEntries(named)));
  for (const args of [first.args, first.resume?.args])
    for (const [name] of named) Object.assign(args ?? {}, { [name]: mine[name] });
  return first;
}

function repeated(config: string, given: Record<string, unknown>): Begun {
  const begun = readRunToRepeat(config, given);
  checkInputs(begun.args);
  return begun;
}

function resumed(given: Record<string, unknown>): Begun {
  if (typeof given.saved_model !== 'string') throw new InputError('missing: --saved_model DIR, the run to resume');
  const run = readRunToResume(given.saved_model, given);
  try {
    checkPlaces(run.args);
  } catch (error) {
    const moved = 'if the data were moved, give --image_dir, --data and --val_data as they are now';
    throw error instanceof InputError ? new InputError(`${error.message}; ${moved}`) : error;
  }
  return { args: run.args, resume: run };
}

/**
 * Trains with a progress display. Ctrl-C, SIGTERM and a closed terminal stop the run after its step, say how to go on and set the exit code.
 * @param page shows the run, and is told when it ends
 * @returns null: stopped before there was anything to save
 */
export async function trainVisibly(
  args: TrainArgs,
  { hooks, ...options }: TrainerOptions = {},
  page: PageBeside | null = null,
): Promise<Outcome | null> {
  const { Trainer } = await import('../train/loop/trainer');
  const view = new ProgressView(undefined, args.best);
  const { onNotice, onPrepare, onStep, onEpoch } = view;
  const further = `go on with: npx emotion-gcn train --resume --saved_model ${shellPath(args.saved_model)}`;
  page?.watch({ dir: args.saved_model, name: basename(args.saved_model) });
  try {
    const trainer = new Trainer(args, { hooks: { onNotice, onPrepare, onStep, onEpoch, ...hooks }, ...options });
    const outcome = await stoppable(
      async (signal) => {
        const outcome = await trainer.run(signal);
        if (outcome.status === 'interrupted' && signal.aborted) exitStopped(signal);
        return outcome;
      },
      () => {
        if (!launch) onNotice('stopping after this step; press Ctrl-C again to quit at once');
        // Open MPI sends the signal also where another rank is gone.
        else if (!launch.by.startsWith('Open MPI')) onNotice('stopping after this step');
      },
      () => trainer.save(),
    );
    if (!outcome) onNotice('stopped before anything was learnt');
    else if (outcome.status === 'interrupted') {
      onNotice(`saved; ${further}`);
    }
    return outcome;
  } catch (error) {
    // The caller tells what went wrong; what was saved is not lost.
    if (error instanceof MachineError && existsSync(join(args.saved_model, ARGS))) onNotice(`saved before; ${further}`);
    throw error;
  } finally {
    view.stop();
    await page?.end();
  }
}
