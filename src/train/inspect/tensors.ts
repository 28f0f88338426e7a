// Files of numbers: checkpoints, tensors, label graphs, word vectors.

import { InputError } from '../../base/errors';
import { EMBEDDING_SIZE, loadEmbedding, nodesOf, readAdjacency } from '../../data';
import { readWhole, streamFile } from '../../data/files';
import { describe, PyObject, readPickle } from '../../formats/pickle';
import { readSafetensors } from '../../formats/safetensors';
import { plainNames, saying } from '../../formats/state_dict';
import { readCheckpoint, type TorchCheckpoint } from '../../formats/torch';
import { type FileTensor, notFinite } from '../../formats/weights';
import type { Inspection } from './inspection';

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/** A row a tensor: name, dtype, shape, and its norm, by which a broken or empty one is seen. */
function tensorTable(tensors: ReadonlyMap<string, Entry>): string[][] {
  const rows = [...tensors].map(([name, { dtype, shape, data }]) => {
    let sum = 0;
    for (let i = 0; i < data.length; i++) sum += Number(data[i]) ** 2;
    return [name, dtype, shape.join(' x ') || 'scalar', Math.sqrt(sum).toPrecision(6)];
  });
  return [['tensor', 'dtype', 'shape', 'L2 norm'], ...rows];
}

/** The first number that training would refuse. */
function broken(tensors: ReadonlyMap<string, FileTensor>): Inspection['facts'] {
  for (const [name, tensor] of tensors) {
    const bad = notFinite(tensor);
    if (bad) return { 'not finite': `${name}: ${bad}; no command takes such weights` };
  }
  return {};
}

const numbersIn = (tensors: ReadonlyMap<string, Entry>): number =>
  [...tensors.values()].reduce((n, { data }) => n + data.length, 0);

export async function inspectCheckpoint(file: string): Promise<Inspection> {
  const { epoch, state, found, optimizer } = await readCheckpoint(await readWhole(file), file);
  return {
    kind: 'checkpoint',
    facts: {
      tensors: state.size,
      numbers: numbersIn(state),
      ...(found && { weights: found }),
      ...broken(state),
      epoch: epoch ?? 'none',
      ...optimizerFacts(optimizer),
    },
    table: tensorTable(state),
  };
}

/** Which optimizer's state there is, of how many parameters, and its settings. */
function optimizerFacts(read: TorchCheckpoint['optimizer']): Inspection['facts'] {
  if (!read) return { optimizer: 'none' };
  try {
    const { kind, decoupled, state, parameters, settings } = read();
    const { betas, ...numbers } = settings;
    const adam = decoupled === null ? 'Adam or AdamW' : decoupled ? 'AdamW' : 'Adam';
    return {
      optimizer: kind === 'sgd' ? 'SGD' : adam,
      [kind === 'sgd' ? 'momentum buffers' : 'averages']: `${state.size} of ${parameters} parameters`,
      ...numbers,
      ...(betas && { betas: betas.join(', ') }),
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { optimizer: `not one to go on with: ${error.message}` };
  }
}

export async function inspectSafetensors(file: string): Promise<Inspection> {
  const { tensors, metadata } = readSafetensors(await readWhole(file), file);
  const { state, removed, left } = plainNames(tensors, file);
  const found = saying([], removed, left);
  return {
    kind: 'safetensors',
    facts: {
      tensors: state.size,
      numbers: numbersIn(state),
      ...(found && { weights: found }),
      ...broken(state),
      ...Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, inBrief(text)])),
    },
    table: tensorTable(state),
  };
}

/** How a text begins, in one line. */
function inBrief(text: string): string {
  const line = text.slice(0, 1000).replace(/\s+/g, ' ');
  return line.length > 100 ? `${line.slice(0, 100)}…` : line;
}

export async function inspectAdjacency(file: string, classes: readonly string[]): Promise<Inspection> {
  const nodes = nodesOf(classes);
  const { rho, A } = await readAdjacency(file, nodes);
  const edges = A.reduce((n, v, i) => n + (v !== 0 && Math.floor(i / nodes.length) !== i % nodes.length ? 1 : 0), 0);
  const row = (i: number): string[] =>
    Array.from(A.subarray(i * nodes.length, (i + 1) * nodes.length), (v) => v.toFixed(3));
  return {
    kind: 'adjacency',
    facts: { nodes: nodes.length, edges, 'made from': rho ? 'correlations, as the original pickles them' : 'weights' },
    table: [['A', ...nodes], ...nodes.map((name, i) => [name, ...row(i)])],
  };
}

export async function inspectEmbedding(
  file: string,
  classes: readonly string[],
  kind: 'embedding' | 'glove',
): Promise<Inspection> {
  const nodes = nodesOf(classes);
  const vectors = await loadEmbedding(file, nodes);
  const rows = nodes.map((name, i) => {
    const vector = vectors.subarray(i * EMBEDDING_SIZE, (i + 1) * EMBEDDING_SIZE);
    return [name, Math.hypot(...vector).toFixed(4), Array.from(vector.subarray(0, 4), (v) => v.toFixed(4)).join(' ')];
  });
  const lines: Inspection['facts'] = kind === 'glove' ? { lines: await countLines(file) } : {};
  return {
    kind,
    facts: { ...lines, nodes: nodes.length, 'numbers a node': EMBEDDING_SIZE },
    table: [['node', 'length', 'begins with'], ...rows],
  };
}

async function countLines(file: string): Promise<number> {
  let lines = 0;
  let last = 0x0a;
  for await (const chunk of streamFile(file) as AsyncIterable<Buffer>) {
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) lines++;
    last = chunk[chunk.length - 1];
  }
  return last === 0x0a ? lines : lines + 1;
}

/** A pickle that is none of the known ones: its outermost value. */
export async function inspectPickle(file: string): Promise<Inspection> {
  const value = readPickle(await readWhole(file), file);
  const of: Inspection['facts'] =
    value instanceof PyObject && value.state !== null ? { state: describe(value.state) } : {};
  const entries = value instanceof Map ? [...value].map(([k, v]) => [describe(k), describe(v)]) : [];
  return {
    kind: 'pickle',
    facts: { value: describe(value), ...of },
    table: entries.length > 0 ? [['key', 'value'], ...entries.slice(0, 100)] : undefined,
  };
}
