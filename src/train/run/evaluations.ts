// What `evaluate` leaves in a run folder: evaluate/NAME/, a folder for each file of annotations and network.
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, extname, join, relative, resolve } from 'node:path';
import type { Evaluation, Measured } from '../measures/evaluation';
import { drawConfusion } from '../reports/charts/matrix';
import { drawReliability } from '../reports/charts/reliability';
import { EVALUATIONS } from './files';
import type { Run } from './read_run';
import { toJson, writeError, writeRunFile } from './write';

/** What an evaluation is of: the `manifest.json` beside its figures. */
interface EvaluationManifest extends Partial<Omit<Measured, 'hash'>> {
  /** SHA-256 of the annotations, by their path. */
  readonly data: Readonly<Record<string, string>>;
  /** The network's weights, by their path from the run folder. */
  readonly weights: string;
}

/**
 * Writes metrics.json, predictions.csv, the confusion matrix and the reliability of an evaluation on the annotations `data`, in place of an older one
 * of the same file, weights and --tta.
 * @returns their folder, `evaluate/NAME`: after the annotations' file, or NAME-2, NAME-3, … where that is another's
 * @throws InputError if it cannot be written, MachineError if the disk is full
 */
export async function writeEvaluation(run: Run, data: string, evaluation: Evaluation): Promise<string> {
  const { metrics, intervals, videos, predictions } = evaluation;
  const { hash, ...measured } = evaluation.measured;
  const path = resolve(data);
  const weights = run.given ? relative(run.dir, resolve(run.given.file)) : join('weights', 'best.safetensors');
  const of: EvaluationManifest = { data: { [path]: hash }, weights, ...measured };
  const { svg, png } = await drawConfusion(metrics);
  const { ece, reliability } = metrics;
  const diagram = ece !== null && reliability ? await drawReliability(reliability, ece) : null;
  const dir = takeFolder(join(run.dir, EVALUATIONS), path, of);
  for (const [name, content] of [
    ['manifest.json', toJson(of)],
    ['metrics.json', toJson({ ...metrics, intervals, ...(videos && { videos }) })],
    ['predictions.csv', predictions],
    ['confusion_matrix.svg', svg],
    ['confusion_matrix.png', png],
    ...(diagram
      ? ([
          ['reliability.svg', diagram.svg],
          ['reliability.png', diagram.png],
        ] as const)
      : []),
  ] as const)
    await writeRunFile(join(dir, name), content);
  return dir;
}

/** The folder of an earlier evaluation of the same, or a new one. */
function takeFolder(evaluations: string, path: string, of: EvaluationManifest): string {
  const stem = basename(path, extname(path));
  const name = /^\.*$/.test(stem) ? `data${basename(path)}` : stem; // the root, or a file such as ...csv
  try {
    mkdirSync(evaluations, { recursive: true });
    for (let i = 1; ; i++) {
      const dir = join(evaluations, i === 1 ? name : `${name}-${i}`);
      if (made(dir) || isOf(dir, path, of)) return dir;
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

function isOf(dir: string, path: string, { weights, tta }: EvaluationManifest): boolean {
  try {
    const found: EvaluationManifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8'));
    return Object.keys(found.data).join() === path && found.weights === weights && (found.tta ?? 'off') === tta;
  } catch {
    return false;
  }
}
