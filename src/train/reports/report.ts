// The pictures of a run, out of what its folder holds.
import { existsSync, readFileSync } from 'node:fs';
import { InputError } from '../../base/errors';
import { nodesOf, readAdjacency } from '../../data';
import { parsePredictions } from '../measures/predictions';
import type { PICTURES } from '../run/files';
import type { Run } from '../run/read_run';
import { RunFolder } from '../run/run_folder';
import type { Picture } from './charts/canvas';

/**
 * Draws everything that a run can show, each as SVG and PNG in its folder: results (curves), confusion_matrix, reliability, valence_arousal
 * (true and predicted), label_graph. @returns the files' names without their ending
 * @throws InputError if no epoch has ended yet, or a file of the run is damaged
 */
export async function report(run: Run): Promise<string[]> {
  if (!run.metrics) throw new InputError(`${run.dir}: no epoch of this run has ended yet, so there is nothing to draw`);
  const folder = RunFolder.open(run);
  const drawn: [name: (typeof PICTURES)[number], picture: Picture][] = [];
  const { drawResults } = await import('./charts/results');
  const { drawConfusion, drawLabelGraph } = await import('./charts/matrix');
  drawn.push(['results', await drawResults(run.rows)]);
  drawn.push(['confusion_matrix', await drawConfusion(run.metrics)]);
  const { ece, reliability } = run.metrics;
  if (ece !== null && reliability) {
    const { drawReliability } = await import('./charts/reliability');
    drawn.push(['reliability', await drawReliability(reliability, ece)]);
  }
  const predictions = folder.path('predictions.csv');
  const { va } = existsSync(predictions)
    ? parsePredictions(readFileSync(predictions, 'utf8'), predictions, run.args.classes)
    : { va: undefined };
  if (va) {
    const { drawValenceArousal } = await import('./charts/valence_arousal');
    drawn.push(['valence_arousal', await drawValenceArousal(va.truth, va.predicted)]);
  }
  if (run.args.model === 'emotion_gcn') {
    const nodes = nodesOf(run.args.classes);
    const { A } = await readAdjacency(folder.path('adj.safetensors'), nodes);
    drawn.push(['label_graph', await drawLabelGraph(A, nodes)]);
  }
  for (const [name, picture] of drawn) await folder.writePicture(name, picture);
  return drawn.map(([name]) => name);
}
