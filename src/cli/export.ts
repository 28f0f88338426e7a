import { Command } from 'commander';
import type { ExportFormat } from '../train/export';
import { readRun } from '../train/run/read_run';
import { TRAIN_SETTINGS } from '../train/settings/args';
import { choice, readSettings, type Settings, text } from '../train/settings/settings';
import { addSettings } from './settings_options';
import { print, say } from './terminal';

interface ExportSettings {
  saved_model: string;
  format: ExportFormat;
  out: string;
  weights: 'best' | 'last';
}

const SETTINGS: Settings<ExportSettings> = {
  saved_model: { ...TRAIN_SETTINGS.saved_model, help: 'folder of the run' },
  format: {
    kind: choice('pth', 'safetensors', 'onnx'),
    help: "pth (the original's checkpoint), safetensors (with a config.json beside it) or onnx (with a NAME.json beside it)",
  },
  out: { kind: text('FILE', 'the path of a file'), help: 'file to write' },
  weights: {
    kind: choice('best', 'last'),
    default: 'best',
    help: "best, or last: in a .pth with the optimizer's state, so that PyTorch can go on with the run",
  },
};

const EXAMPLE = `
Examples:
  emotion-gcn export --saved_model run1 --format pth --out emotion_gcn.pth
  emotion-gcn export --saved_model run1 --format onnx --out emotion_gcn.onnx

NAME.json beside an ONNX file says what a caller must know: size, layout, mean and std of the input, order of the channels and
the classes, and what the outputs mean.

In PyTorch: model.load_state_dict(torch.load('emotion_gcn.pth')['model_state_dict'])`;

/** `emotion-gcn export` */
export const exportCommand = (): Command =>
  addSettings(new Command('export').description('write a trained network for other programs'), SETTINGS)
    .addHelpText('after', EXAMPLE)
    .action(async (options: Record<string, unknown>) => {
      const { saved_model, format, out, weights } = readSettings(SETTINGS, options);
      const run = readRun(saved_model);
      const { exportRun } = await import('../train/export');
      const files = await exportRun(run, format, out, weights, say);
      print(`written: ${files.join(', ')}`);
    });
