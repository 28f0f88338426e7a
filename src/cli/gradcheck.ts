import { Command } from 'commander';
import type { GradientCheck, LayerGradients } from '../train/measures/network_gradients';
import { readRun } from '../train/run/read_run';
import { TRAIN_SETTINGS, type TrainArgs } from '../train/settings/args';
import { choice, orNone, readSettings, type Settings, whole } from '../train/settings/settings';
import { decimal, formatTable, percent } from './format';
import { stoppable } from './interrupt';
import { ProgressView } from './progress';
import { addSettings } from './settings_options';
import { print, printData, say } from './terminal';

type Format = 'table' | 'json';

const SETTINGS: Settings<{
  saved_model: string;
  samples: number;
  faces: number;
  out: string | null;
  format: Format;
}> = {
  saved_model: { ...TRAIN_SETTINGS.saved_model, help: 'folder of the run' },
  samples: {
    kind: whole(1, 1000),
    default: 2,
    help: 'numbers of each weight that are held to differences: each takes two evaluations of the network',
  },
  faces: { kind: whole(2, 1024), default: 16, help: 'training faces that norms and dead channels are of' },
  out: { kind: orNone(TRAIN_SETTINGS.saved_model.kind), default: null, help: 'folder for the files; default: the run' },
  format: { kind: choice('table', 'json'), default: 'table', help: 'what is printed: table or json' },
};

/** Settings of the run that may be others now. */
const MOVED = Object.fromEntries(
  (['image_dir', 'data', 'val_data', 'workers', 'gpu', 'cache'] as const).map((name) => {
    const { kind, help } = TRAIN_SETTINGS[name];
    const orRun = {
      kind: orNone(kind as never),
      help: `${help.replace(/; default:.*/, '')}; default: as the run had it`,
    };
    return [name, { ...orRun, default: null }];
  }),
) as unknown as Settings<Pick<TrainArgs, 'image_dir' | 'data' | 'val_data' | 'workers' | 'gpu' | 'cache'>>;

const EXPLANATION = `
Example:
  emotion-gcn gradcheck --saved_model run1

Of a run's best weights, on training faces as they are: gradient norms by layer, layers whose gradient vanishes or explodes (|gradient| /
|weight| a thousandth of the middle layer's or less, a thousand times it or more), dead channels, and whether backward is right: numbers of
each layer are moved both ways, and the change of the loss is held to the gradient. Writes gradcheck.json, .svg and .png. Exit 1: a
gradient is wrong.`;

/** `emotion-gcn gradcheck` */
export const gradcheckCommand = (): Command =>
  addSettings(
    addSettings(new Command('gradcheck').description("check a trained network's gradients, layer by layer"), SETTINGS),
    MOVED,
  )
    .addHelpText('after', EXPLANATION)
    .action(async ({ saved_model, samples, faces, out, format, ...others }: Record<string, unknown>) => {
      const settings = readSettings(SETTINGS, { saved_model, samples, faces, out, format });
      const run = readRun(settings.saved_model);
      const moved = Object.fromEntries(
        Object.entries(readSettings(MOVED, others)).filter(([, value]) => value !== null),
      );
      const { makeGradcheckFolder, writeGradcheck } = await import('../train/reports/gradcheck');
      if (settings.out !== null) makeGradcheckFolder(settings.out);
      const { gradcheckRun } = await import('../train/measures/gradcheck');
      const { isRight } = await import('../train/measures/network_gradients');
      const view = new ProgressView('checking parameters');
      try {
        const check = await stoppable(
          (signal) =>
            gradcheckRun(
              run,
              { samples: settings.samples, faces: settings.faces, ...moved },
              { onNotice: view.onNotice, onProgress: view.onPrepare },
              signal,
            ),
          () => view.onNotice('stopping'),
        );
        if (!check) return;
        view.stop();
        const files = await writeGradcheck(run, settings.out, check);
        if (settings.format === 'json') printData(JSON.stringify(check, null, 2));
        else print(tableOf(check));
        say(`\nwritten: ${files.join(', ')}`);
        if (!isRight(check)) process.exitCode = 1;
      } finally {
        view.stop();
      }
    });

const short = (value: number | null): string => (value === null ? '-' : value.toExponential(1));

function tableOf(check: GradientCheck): string {
  const { layers, tolerance, far, loss, loss_in_doubles, rounding } = check;
  const rows = layers.map((layer) => [
    layer.name,
    layer.state,
    layer.wrong.length > 0 ? 'wrong' : layer.median_error === null ? '-' : 'right',
    ...[layer.weight_norm, layer.gradient_norm].map(short),
    layer.dead === null ? '-' : percent(layer.dead),
    ...[layer.median_error, layer.worst_error].map((error) => decimal(error)),
  ]);
  const head = ['layer', 'gradient', 'backward', '|weight|', '|gradient|', 'dead', 'median error', 'worst'];
  const of = (state: LayerGradients['state']): string[] =>
    layers.filter((layer) => layer.state === state).map(({ name }) => name);
  const named = (['vanishing', 'exploding', 'not finite', 'none'] as const).flatMap((state) => {
    const names = of(state);
    const rule = {
      vanishing: `below 1/${far} of the middle layer's`,
      exploding: `above ${far} times the middle layer's`,
    };
    const why = state === 'vanishing' || state === 'exploding' ? ` (|gradient| / |weight| ${rule[state]})` : '';
    return names.length > 0 ? [`${state === 'none' ? 'no gradient' : state}${why}: ${names.join(', ')}`] : [];
  });
  const samples = layers.flatMap((layer) => layer.samples);
  const silent = samples.filter(({ noise }) => noise >= 0.5).length;
  const wrong = layers.flatMap(({ wrong: names, samples: seen }) =>
    names.map((name) => {
      const [worst] = seen.filter(({ parameter }) => parameter === name).sort((a, b) => b.error - a.error);
      return `wrong: ${name}, as at ${worst.index}: backward ${worst.analytic.toPrecision(4)}, differences ${worst.numeric.toPrecision(4)}`;
    }),
  );
  return [
    formatTable([head, ...rows], 3),
    '',
    ...named,
    `loss ${loss.toPrecision(7)}, in doubles ${loss_in_doubles.toPrecision(7)}; rounding moves it by ${short(rounding)}`,
    `${samples.length} numbers held to differences, of which ${silent} are below what rounding leaves; median error allowed: ${tolerance}`,
    ...(wrong.length > 0 ? wrong : ['no gradient is wrong']),
  ].join('\n');
}
