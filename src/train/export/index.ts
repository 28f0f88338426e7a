import { basename, dirname, extname, join, resolve } from 'node:path';
import { InputError } from '../../base/errors';
import { lookAt, writeWhole } from '../../data/files';
import { checkNotOfRun } from '../run/files';
import type { Run } from '../run/read_run';
import { toJson } from '../run/write';
import { exportOnnx } from './onnx';
import { isOnnxNotes, onnxNotes } from './onnx_json';
import { exportPth } from './pth';
import { exportConfig, exportSafetensors, isExportConfig } from './safetensors';
import { type ExportSource, readExportSource } from './source';

export type ExportFormat = 'pth' | 'safetensors' | 'onnx';

/** The files of an export: contents by path. */
type Files = [path: string, content: Uint8Array | string][];

const WRITERS: Record<ExportFormat, (source: ExportSource, out: string) => Files | Promise<Files>> = {
  pth: async (source, out) => [[out, await exportPth(source)]],
  safetensors: (source, out) => [
    [out, exportSafetensors(source)],
    [join(dirname(out), 'config.json'), exportConfig(source)],
  ],
  onnx: (source, out) => {
    const { args, state, embedding } = source;
    const config = { ...args, imageSize: args.image_size, classes: args.classes.length };
    return [
      [out, exportOnnx({ config, classes: args.classes, state, embedding })],
      [join(dirname(out), `${basename(out, extname(out))}.json`), toJson(onnxNotes(source))],
    ];
  },
};

/**
 * Writes a run's network for other programs.
 * @param say is told where another checkpoint was taken than the last
 * @returns the files that were written, whole or not at all
 * @throws InputError for weights that are not there, or a place that cannot be written: a run's own file, a foreign JSON
 * @example
 * (await exportRun(readRun('run1'), 'onnx', 'net.onnx', 'best')).length; // 2
 */
export async function exportRun(
  run: Run,
  format: ExportFormat,
  out: string,
  weights: 'best' | 'last',
  say: (line: string) => void = () => {},
): Promise<string[]> {
  checkNotOfRun(out);
  const files = await WRITERS[format](await readExportSource(run, weights, say), out);
  for (const [path] of files) checkNotOfRun(path);
  const twice = files.find(([path], i) => files.findIndex((other) => resolve(other[0]) === resolve(path)) < i);
  if (twice)
    throw new InputError(`--out ${out}: expected another name, found that of the ${twice[0]} beside the weights`);
  const config = files[1]?.[0];
  if (config !== undefined && lookAt(config) !== 'nothing' && !isExportConfig(config) && !isOnnxNotes(config))
    throw new InputError(
      `${config} would be written over, and is not of an export; give --out another folder, or move it away`,
    );
  for (const [path, content] of files) await writeWhole(path, content);
  return files.map(([path]) => path);
}
