// layers.jsonl as a run writes it: a line before its first epoch, and one after each.
import type { Batch } from '../../data';
import { classifierContributions, type StateEntry } from '../../models';
import { LayerLook, layerStats } from '../measures/layer_stats';
import { LAYERS } from '../run/files';
import type { RunFolder } from '../run/run_folder';
import type { BatchResult, Learner } from './learner';
import type { RunData } from './run_data';

/**
 * How a run's layers are: a line of JSON an epoch (PageLayers of page/protocol.ts, with the classifiers' contributions of an emotion_gcn).
 * It looks on at the first batch of a validation, so nothing is computed besides, and nothing of the run changes.
 */
export class LayerLog {
  private look: LayerLook | null = null;
  private gradients: ReadonlyMap<string, Float32Array> = new Map();

  constructor(
    private readonly folder: RunFolder,
    private readonly learner: Learner,
    private readonly graph: RunData['graph'],
  ) {}

  /** As the learner's, of a validation's batches one after the other. */
  evaluate(batch: Batch): Promise<BatchResult> {
    const { learner } = this;
    if (this.look) return learner.evaluate(batch);
    const { result, look } = LayerLook.at(learner.model, batch.labels.length, () => learner.evaluate(batch));
    this.look = look;
    return result;
  }

  /** Before the validation of an epoch. @param gradients of the epoch's last step */
  keep(gradients: ReadonlyMap<string, Float32Array>): void {
    this.gradients = gradients;
    this.look = null;
  }

  /** After `epoch` epochs. @param state what was validated */
  async write(epoch: number, state: ReadonlyMap<string, StateEntry>): Promise<void> {
    const layers = await layerStats(state, this.gradients, this.look);
    const line = `${JSON.stringify({ epoch, layers, ...this.contributions(state) })}\n`;
    if (this.folder.isNew) await this.folder.write(LAYERS, line);
    else this.folder.append(LAYERS, line);
    this.gradients = new Map();
  }

  private contributions(state: ReadonlyMap<string, StateEntry>): { contributions?: number[] } {
    if (!this.graph) return {};
    const [A, gc1, gc2] = ['A', 'gc1.weight', 'gc2.weight'].map((name) => state.get(name)?.data as Float32Array);
    const { embedding } = this.graph;
    const { share } = classifierContributions({ A, gc1, gc2, embedding }, Math.sqrt(A.length));
    return { contributions: share.map((s) => Number(s.toPrecision(5))) };
  }

  /** Goes on after `epoch` epochs: lines of later ones, and half a line at the end, are cut off. */
  restore(epoch: number): void {
    this.folder.cut(LAYERS, (bytes) => {
      let length = 0;
      for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', length)) {
        const [, of] = /^\{"epoch":(\d{1,9}),/.exec(bytes.toString('latin1', length, length + 20)) ?? [];
        if (of === undefined || Number(of) > epoch) break;
        length = end + 1;
      }
      return length;
    });
  }
}
