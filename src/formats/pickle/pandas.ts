// A DataFrame of numbers out of what pandas pickles (0.20 to 3: the frame, its block manager, its blocks of columns), and back.
import { InputError } from '../../base/errors';
import { globalOf } from './globals';
import { asFloat64, MAX_NUMBERS, Ndarray, ndarray } from './numpy';
import { describe, isTuple, type PickleValue, PyObject, tuple } from './values';

/** A table of numbers; `values` row-major [index, columns]. Labels are as they stand in the file. */
export interface DataFrame {
  index: PickleValue[];
  columns: PickleValue[];
  values: Float64Array;
}

/**
 * The table that a pickled pandas DataFrame holds.
 * @throws InputError without a place if it is no DataFrame of numbers
 * @example
 * const pickled = writePickle(dataFrame({ index: ['a'], columns: ['x', 'y'], values: Float64Array.of(1, 2) }));
 * asDataFrame(readPickle(pickled)).values; // [1, 2]
 */
export function asDataFrame(value: PickleValue): DataFrame {
  if (!isNamed(value, 'DataFrame')) throw new InputError(`expected a pandas DataFrame, found ${describe(value)}`);
  const { blocks, axes } = blockManager(value.state);
  const width = blocks.reduce((n, b) => n + (b.values.shape[0] ?? 0), 0);
  const height = blocks[0]?.values.shape[1] ?? 0;
  for (const { values: block } of blocks) {
    if (block.shape.length !== 2 || block.shape[1] !== height || block.length === 0) {
      throw new InputError(`expected a block of columns of ${height} rows, found shape [${block.shape}]`);
    }
  }
  // Then height x width is at most what the file brings; a block's numbers may be used but once.
  if (new Set(blocks.map((b) => b.values.data)).size < blocks.length)
    throw new InputError('expected blocks with numbers of their own, found the same in two');
  if (width * height > MAX_NUMBERS)
    throw new InputError(`expected at most ${MAX_NUMBERS} numbers, found ${height} x ${width}`);
  const columns = labels(axes[0], width);
  const index = labels(axes[1], height);
  const values = new Float64Array(width * height).fill(Number.NaN);
  const placed = new Set<number>();
  for (const { values: block, place } of blocks) {
    const numbers = asFloat64(block);
    const positions = placement(place, block.shape[0], width);
    positions.forEach((column, i) => {
      placed.add(column);
      for (let row = 0; row < height; row++) values[row * width + column] = numbers[i * height + row];
    });
  }
  if (placed.size !== width) throw new InputError(`expected ${width} columns, found blocks for ${placed.size}`);
  return { index, columns, values };
}

/**
 * A DataFrame of float64 as pandas 1.0 pickled it, which every later version reads.
 * @example
 * const table = dataFrame({ index: ['a'], columns: ['x', 'y'], values: Float64Array.of(1, 2) });
 * asDataFrame(table).columns; // ['x', 'y']
 */
export function dataFrame({ index, columns, values }: DataFrame): PyObject {
  const [height, width] = [index.length, columns.length];
  const block = new Float64Array(values.length);
  for (let r = 0; r < height; r++) for (let c = 0; c < width; c++) block[c * height + r] = values[r * width + c];
  const axes = [axis(columns), axis(index)];
  const items = axis(columns);
  const data = ndarray(block, [width, height]);
  const slice = new PyObject('__builtin__.slice', [0, width, 1], 'call');
  const blocks = [
    new Map<PickleValue, PickleValue>([
      ['values', data],
      ['mgr_locs', slice],
    ]),
  ];
  const manager = new PyObject('pandas.core.internals.managers.BlockManager');
  const layout = new Map<PickleValue, PickleValue>([
    ['axes', axes],
    ['blocks', blocks],
  ]);
  manager.state = tuple(axes, [data], [items], new Map([['0.14.1', layout]]));
  const frame = new PyObject('pandas.core.frame.DataFrame');
  frame.state = new Map<PickleValue, PickleValue>([
    ['_data', manager],
    ['_typ', 'dataframe'],
    ['_metadata', []],
    ['attrs', new Map()],
  ]);
  return frame;
}

interface Block {
  values: Ndarray;
  place: PickleValue;
}

/** Blocks and axes (columns, index) of a DataFrame's state, in the layouts since 0.14. */
function blockManager(state: PickleValue): { blocks: Block[]; axes: readonly PickleValue[] } {
  const manager = state instanceof Map ? (state.get('_mgr') ?? state.get('_data') ?? null) : state;
  if (!isNamed(manager, 'BlockManager')) throw new InputError(`expected a BlockManager, found ${describe(manager)}`);
  const layout = isTuple(manager.state) && manager.state[3] instanceof Map ? manager.state[3].get('0.14.1') : undefined;
  const [blocks, axes] = layout instanceof Map ? [layout.get('blocks'), layout.get('axes')] : manager.args;
  if (!Array.isArray(blocks) || !Array.isArray(axes) || axes.length !== 2) {
    throw new InputError(`expected blocks and two axes, found ${describe(blocks)} and ${describe(axes)}`);
  }
  return { blocks: blocks.map(toBlock), axes };
}

function toBlock(block: PickleValue): Block {
  const [values, place] =
    block instanceof Map ? [block.get('values'), block.get('mgr_locs')] : block instanceof PyObject ? block.args : [];
  if (!(values instanceof Ndarray) || place === undefined) {
    throw new InputError(`expected a block of a NumPy array, found ${describe(block)}`);
  }
  return { values, place };
}

/** The columns that a block's `count` rows are: a slice, or an array of positions. */
function placement(place: PickleValue, count: number, width: number): number[] {
  let positions: PickleValue[] = [];
  if (isNamed(place, 'slice')) {
    const [start, stop, step] = place.args;
    if (typeof start === 'number' && typeof stop === 'number') {
      const by = typeof step === 'number' ? step : 1;
      positions = Array.from({ length: count }, (_, i) => start + i * by);
    }
  } else if (place instanceof Ndarray && place.length === count) positions = place.toList();
  const valid = positions.filter(
    (p): p is number => typeof p === 'number' && Number.isInteger(p) && p >= 0 && p < width,
  );
  if (valid.length !== count) throw new InputError(`expected places for ${count} columns, found ${describe(place)}`);
  return valid;
}

/** The labels of an index: an array of them, or a range. */
function labels(index: PickleValue | undefined, count: number): PickleValue[] {
  const content = isNamed(index, '_new_Index') ? index.args[1] : undefined;
  if (!(content instanceof Map)) throw new InputError(`expected a pandas Index, found ${describe(index)}`);
  const data = labelArray(content.get('data'));
  const [start, stop, step] = [content.get('start'), content.get('stop'), content.get('step')];
  let found: PickleValue[] = [];
  if (data instanceof Ndarray) found = data.length === count ? data.toList() : [];
  else if (typeof start === 'number' && typeof stop === 'number' && typeof step === 'number') {
    const length = Math.max(0, Math.ceil((stop - start) / step));
    if (length === count) found = Array.from({ length }, (_, i) => start + i * step);
  }
  if (found.length !== count) throw new InputError(`expected ${count} labels, found ${describe(data ?? index)}`);
  return found;
}

/** pandas 3 wraps an array of strings: the wrapper's state is its dtype and the array. */
function labelArray(data: PickleValue | undefined): PickleValue | undefined {
  if (!isNamed(data, '__pyx_unpickle_NDArrayBacked') || !isTuple(data.state)) return data;
  return data.state.find((part) => part instanceof Ndarray);
}

function axis(names: PickleValue[]): PyObject {
  const content = new Map<PickleValue, PickleValue>([
    ['data', ndarray(names, [names.length])],
    ['name', null],
  ]);
  return new PyObject(
    'pandas.core.indexes.base._new_Index',
    [globalOf('pandas.core.indexes.base.Index'), content],
    'call',
  );
}

const isNamed = (value: PickleValue | undefined, name: string): value is PyObject =>
  value instanceof PyObject && value.name.slice(value.name.lastIndexOf('.') + 1) === name;
