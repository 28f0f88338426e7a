// What `evaluate` leaves in a run folder: evaluate/NAME/, a folder for each file of annotations and network.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative, resolve } from 'node:path';
import type { Evaluation } from '../measures/evaluation';
import { drawConfusion } from '../reports/charts/matrix';
import { EVALUATIONS } from './files';
import type { Run } from './read_run';
import { toJson, writeError, writeRunFile } from './write';

/** What an evaluation is of: the `manifest.json` beside its figures. */
interface EvaluationManifest {
  /** SHA-256 of the annotations, by their path. */
  readonly data: Readonly<Record<string, string>>;
  /** The network's weights, by their path from the run folder. */
  readonly weights: string;
}

/**
 * Writes metrics.json, predictions.csv and the confusion matrix of an evaluation on the annotations `data`, in place of an older one
 * of the same file and weights.
 * @returns their folder, `evaluate/NAME`: after the annotations' file, or NAME-2, NAME-3, … where that is another's
 * @throws InputError if it cannot be written, MachineError if the disk is full
 */
export async function writeEvaluation(run: Run, data: string, evaluation: Evaluation): Promise<string> {
  const { metrics, intervals, videos, predictions } = evaluation;
  const path = resolve(data);
  const weights = run.given ? relative(run.dir, resolve(run.given.file)) : join('weights', 'best.safetensors');
  const of: EvaluationManifest = { data: { [path]: evaluation.hash }, weights };
  const { svg, png } = await drawConfusion(metrics);
  const dir = takeFolder(join(run.dir, EVALUATIONS), path, weights);
  for (const [name, content] of [
    ['manifest.json', toJson(of)],
    ['metrics.json', toJson({ ...metrics, intervals, ...(videos && { videos }) })],
    ['predictions.csv', predictions],
    ['confusion_matrix.svg', svg],
    ['confusion_matrix.png', png],
  ] as const)
    await writeRunFile(join(dir, name), content);
  return dir;
}

/** The folder of an earlier evaluation of the same, or a new one. */
function takeFolder(evaluations: string, path: string, weights: string): string {
  const stem = basename(path, extname(path));
  const name = /^\.*$/.test(stem) ? `data${basename(path)}` : stem; // the root, or a file such as ...csv
  try {
    mkdirSync(evaluations, { recursive: true });
    for (let i = 1; ; i++) {
      const dir = join(evaluations, i === 1 ? name : `${name}-${i}`);
      if (made(dir) || isOf(dir, path, weights)) return dir;
    }
  } catch (error) {
    throw writeError(evaluations, error);
  }
}

/** Makes a folder. @returns false if something is there */
function made(dir: string): boolean {
  try {
    mkdirSync(dir);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function isOf(dir: string, path: string, weights: string): boolean {
  try {
    const found: EvaluationManifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));
    return Object.keys(found.data).join() === path && found.weights === weights;
  } catch {
    return false;
  }
}
