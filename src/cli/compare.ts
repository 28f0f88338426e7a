import { extname } from 'node:path';
import { Command } from 'commander';
import { InputError } from '../base/errors';
import { writeWhole } from '../data/files';
import { figuresOf } from '../train/measures/bootstrap';
import { csvField } from '../train/measures/predictions';
import type { ComparedRun } from '../train/reports/comparison';
import { checkNotOfRun } from '../train/run/files';
import { choice, orNone, readSettings, type Settings, text } from '../train/settings/settings';
import { decimal, duration, figure, formatTable, orEmpty, percent } from './format';
import { addSettings } from './settings_options';
import { print, printData, say } from './terminal';

interface Options {
  format: 'table' | 'json' | 'csv';
  out: string | null;
}

const SETTINGS: Settings<Options> = {
  format: { kind: choice('table', 'json', 'csv'), default: 'table', help: 'what is printed: table, json or csv' },
  out: {
    kind: orNone(text('FILE', 'the path of a file')),
    default: null,
    help: 'draw the curves of all runs to this file, .svg or .png; default: no picture',
  },
};

const EXAMPLE = `
Examples:
  emotion-gcn compare run1 run2 run3
  emotion-gcn compare --out compare.png runs/*

Prints the settings that differ, and of each run's best weights the figures on its validation set, with 95 % intervals
(bootstrap) where the run has its predictions; epochs, and the time that they took. Runs that are still going on, or were
stopped, are shown as far as they are.`;

/** `emotion-gcn compare` */
export const compareCommand = (): Command =>
  addSettings(
    new Command('compare').description('show several runs side by side').argument('<RUN...>', 'folders of runs'),
    SETTINGS,
  )
    .addHelpText('after', EXAMPLE)
    .action(async (dirs: string[], options: Record<string, unknown>) => {
      const { format, out } = readSettings(SETTINGS, options);
      const ending = out && extname(out).toLowerCase();
      if (out !== null) {
        if (ending !== '.svg' && ending !== '.png')
          throw new InputError(`--out ${out}: expected a name that ends in .svg or .png`);
        checkNotOfRun(out);
      }
      const { compareRuns } = await import('../train/reports/comparison');
      const runs = compareRuns(dirs, say);
      if (format === 'table') print(table(runs));
      else printData(format === 'json' ? JSON.stringify(runs.map(described), null, 2) : csv(runs));
      if (out === null) return;
      if (runs.every(({ rows }) => rows.length === 0))
        throw new InputError('no epoch of these runs has ended yet, so there is nothing to draw; leave --out out');
      const { drawComparison } = await import('../train/reports/charts/results');
      const picture = await drawComparison(runs.map(({ run, rows }) => ({ name: run, rows })));
      await writeWhole(out, ending === '.svg' ? picture.svg : picture.png);
      say(`\ndrawn: ${out}`);
    });

/** What is told of a run by figures of its epochs. */
function described({ rows, epochs, metrics, ...rest }: ComparedRun) {
  const loss = rows.find(({ epoch }) => epoch === metrics?.best_epoch)?.val_loss ?? null;
  return { ...rest, epochs: rows.at(-1)?.epoch ?? 0, epochs_wanted: epochs, val_loss: loss, metrics };
}

function table(runs: readonly ComparedRun[]): string {
  const names = Object.keys(runs[0].settings);
  const settings = [
    ['run', ...names],
    ...runs.map(({ run, settings }) => [run, ...names.map((n) => shown(settings[n]))]),
  ];
  const figures = runs.map((run) => {
    const { epochs, epochs_wanted, val_loss, metrics, intervals, seconds } = described(run);
    const of = (name: string, text: (v: number) => string, value: number | null = null) =>
      figure(text, value, intervals[name]);
    return [
      run.run,
      of('accuracy', percent, metrics?.accuracy),
      of('macro_f1', decimal, metrics?.macro_f1),
      of('ccc_valence', decimal, metrics?.ccc_valence),
      of('ccc_arousal', decimal, metrics?.ccc_arousal),
      decimal(val_loss),
      metrics ? String(metrics.best_epoch) : '-',
      `${epochs}/${epochs_wanted}`,
      duration(seconds ?? Number.NaN),
    ];
  });
  const header = ['run', 'accuracy', 'macro F1', 'CCC valence', 'CCC arousal', 'loss', 'best epoch', 'epochs', 'time'];
  const alone = runs.length === 1;
  const differing = names.length > 0 ? formatTable(settings) : 'no setting differs but --saved_model';
  return [...(alone ? [] : [differing]), formatTable([header, ...figures])].join('\n\n');
}

/** A row a run; every figure with the ends of its interval, empty where there is none. */
function csv(runs: readonly ComparedRun[]): string {
  const settings = Object.keys(runs[0].settings);
  const figures = [
    ...new Set(runs.flatMap(({ metrics }) => (metrics ? figuresOf(metrics).map(([name]) => name) : []))),
  ];
  const header = [
    ...['run', ...settings.map((name) => `--${name}`), 'epochs', 'epochs_wanted', 'seconds', 'val_loss'],
    ...figures.flatMap((name) => [name, `${name}_low`, `${name}_high`]),
  ];
  const rows = runs.map((run) => {
    const { epochs, epochs_wanted, seconds, val_loss, metrics, intervals } = described(run);
    const found = new Map(metrics ? figuresOf(metrics) : []);
    return [
      ...[run.run, ...settings.map((name) => shown(run.settings[name]))],
      ...[epochs, epochs_wanted, orEmpty(seconds), orEmpty(val_loss)],
      ...figures.flatMap((name) => [orEmpty(found.get(name) ?? null), ...(intervals[name] ?? ['', ''])]),
    ];
  });
  return [header, ...rows].map((row) => row.map((field) => csvField(String(field))).join(',')).join('\n');
}

/** The value of a setting as it is typed; a dash where it has none. */
function shown(value: unknown): string {
  if (value === null) return '-';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return Array.isArray(value) ? value.join(',') : String(value);
}
