// What a pickle holds may share parts through the memo, and a hostile one shares or nests without end. Whoever walks a value
// that has passed here meets a tree of bounded depth and size.
import { InputError } from '../../base/errors';
import { OrderedDict, type PickleValue, PyInstance } from './values';

const MAX_DEPTH = 200;

/** `values` and `height` of a part with everything below it, shared parts counted each time they occur. */
interface Measure {
  values: number;
  height: number;
}

interface Visit extends Measure {
  node: object;
  children: readonly PickleValue[];
  next: number;
}

const LEAF: Measure = { values: 1, height: 1 };

/**
 * Checks that `root` does not contain itself, is at most 200 deep, and that a walk over it meets at most `most` values.
 * @throws InputError saying which
 */
export function checkTree(root: PickleValue, most: number): void {
  const measured = new Map<object, Measure | 'open'>();
  const path: Visit[] = [];
  /** Adds a part to the innermost open one, or opens it if it has parts itself. */
  const visit = (value: PickleValue): void => {
    const seen = typeof value === 'object' && value !== null ? measured.get(value) : LEAF;
    if (seen === 'open') throw new InputError('expected values that do not contain themselves, found a cycle');
    const children = seen ? [] : childrenOf(value);
    if (children.length === 0) {
      add(seen ?? LEAF);
      return;
    }
    if (path.length >= MAX_DEPTH) throw tooDeep();
    measured.set(value as object, 'open');
    path.push({ node: value as object, children, next: 0, values: 1, height: 1 });
  };
  const add = (part: Measure): void => {
    const into = path.at(-1);
    if (!into) return;
    into.values += part.values;
    into.height = Math.max(into.height, part.height + 1);
    if (into.values > most) throw new InputError(`expected at most ${most} values, found more`);
    if (path.length - 1 + into.height > MAX_DEPTH) throw tooDeep();
  };
  visit(root);
  for (let open = path.at(-1); open; open = path.at(-1)) {
    if (open.next < open.children.length) visit(open.children[open.next++]);
    else {
      path.pop();
      measured.set(open.node, { values: open.values, height: open.height });
      add(open);
    }
  }
}

const tooDeep = () => new InputError(`expected nesting of at most ${MAX_DEPTH}, found more`);

function childrenOf(value: PickleValue): readonly PickleValue[] {
  if (value instanceof PyInstance) return value.parts();
  if (Array.isArray(value)) return value;
  if (value instanceof Set) return [...value];
  if (!(value instanceof Map)) return [];
  const children = [...value.keys(), ...value.values()];
  if (value instanceof OrderedDict && value.attributes) children.push(value.attributes);
  return children;
}
