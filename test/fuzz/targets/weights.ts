import { readFileSync } from 'node:fs';
import { toldNetwork } from '../../../src/formats/network_metadata';
import { readSafetensors, writeSafetensors } from '../../../src/formats/safetensors';
import { identify } from '../../../src/models';
import {
  encodeCheckpoint,
  historyOf,
  newProgress,
  optimizerStateOf,
  progressOf,
} from '../../../src/train/run/checkpoint';
import { parseResults } from '../../../src/train/run/results';
import { readWeightsFile } from '../../../src/train/run/weights_file';
import { filesIn, put } from '../files';
import type { Target } from '../target';

const NAME = 'fuzzed.safetensors';
const RUN = 'test/golden/older_runs/single_task';
const number = (value: number) => ({ shape: [1], data: Float32Array.of(value) });

/** Weights and checkpoints of a run: tensors, and in the metadata where the run stands and what network it is. */
export const target: Target = {
  names: NAME,
  seeds: () => [
    ...filesIn('test/golden/checkpoints', /^tiny\.safetensors$/),
    encodeCheckpoint(
      new Map([
        ['classifier.weight', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
        ['classifier.bias', { shape: [2], data: Float32Array.of(1, 2) }],
        ...['momentum.classifier.bias', 'ema.classifier.bias', 'loss_scale'].map((name) => [name, number(1)] as const),
      ]),
      { ...newProgress(), best: { epoch: 0, accuracy: 0.5, loss: 1, ccc: null } },
      {
        rows: parseResults(readFileSync(`${RUN}/results.csv`, 'utf8'), 'a'),
        metrics: JSON.parse(readFileSync(`${RUN}/metrics.json`, 'utf8')),
      },
    ),
    writeSafetensors(
      { '_conv0.weight': number(1), '_fc0.weight': { shape: [2, 1], data: Float32Array.of(1, 2) } },
      { format: 'pt', model: 'single_task', network: 'bregnext', classes: '["a","b"]', image_size: '32' },
    ),
  ],
  async read(bytes) {
    const file = put(NAME, bytes);
    const { state, metadata } = await readWeightsFile(file);
    const identity = identify(state);
    if (identity) toldNetwork(metadata, identity, file);
    if ('progress' in metadata) progressOf(metadata, file);
    historyOf(metadata, file);
    optimizerStateOf(readSafetensors(bytes, file).tensors, file);
  },
};
