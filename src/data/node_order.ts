// The order of a label graph's nodes in files that say which is which.

import { emotionKey } from '../base/emotions';
import { InputError } from '../base/errors';

/** Only counted: 0, 1, ... in order. */
const isCount = (labels: readonly unknown[]): boolean => labels.every((label, i) => String(label) === String(i));

/**
 * Where the nodes' rows and columns are in a matrix whose axes are labelled, in any order: by name, whichever data set's and
 * however capitals are set, or by the number of the node. Labels that only count, 0, 1, ..., say nothing: such an axis is in the order of the
 * other one, or of the nodes.
 *
 * @param axes labels of rows, or of rows and columns, one a node
 * @returns for each axis, the place of every node
 * @throws InputError naming the labels, where they are not the nodes'
 */
export function nodeOrder(axes: readonly (readonly unknown[])[], nodes: readonly string[]): number[][] {
  const named = axes.find((labels) => !isCount(labels));
  return axes.map((axis) => {
    const labels = named && isCount(axis) ? named : axis;
    const keys = labels.map((label) =>
      emotionKey((/^\d+$/.test(String(label)) && nodes[Number(label)]) || String(label)),
    );
    const order = nodes.map((name) => keys.indexOf(emotionKey(name)));
    // As many labels as nodes: where all are found, none is there twice.
    if (keys.length === nodes.length && !order.includes(-1)) return order;
    throw new InputError(
      `expected the labels ${nodes.join(', ')}, in any order, found ${labels.map(String).join(', ')}; rename them, or give the ` +
        'numbers without labels, in this order',
    );
  });
}
