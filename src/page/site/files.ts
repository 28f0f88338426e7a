// A run of one's own, as it is dropped: which file is what.
import { InputError, type NetworkFiles } from '../../browser';
import type { GivenFile } from './messages';

/** Of a run what is no network's weights. */
const OTHERS = /(^|\/)(adj|emb|last|previous)\.safetensors$/;

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/**
 * The network of a run's files, or of a file of weights that tells of its network.
 * @throws InputError where there is none, or more than one
 */
export function filesOf(given: readonly GivenFile[]): { name: string; files: NetworkFiles } {
  const named = (name: string): GivenFile | undefined => given.find(({ path }) => nameOf(path) === name);
  const weights = given.filter(({ path }) => path.endsWith('.safetensors') && !OTHERS.test(path));
  const best = weights.find(({ path }) => nameOf(path) === 'best.safetensors') ?? weights[0];
  if (!best || (weights.length > 1 && nameOf(best.path) !== 'best.safetensors')) {
    const names = given.map(({ path }) => nameOf(path));
    const found = best ? `${weights.length} files of weights` : names.slice(0, 3).join(', ') || 'nothing';
    throw new InputError(
      `expected a run’s args.json and weights/best.safetensors, found ${found}${names.length > 3 && !best ? ', …' : ''}`,
    );
  }
  const args = named('args.json') ?? named('config.json');
  const folder = best.path
    .split('/')
    .slice(0, -1)
    .filter((part) => part !== 'weights')
    .at(-1);
  const files = { weights: best.bytes, args: args && parsed(args), embedding: named('emb.safetensors')?.bytes };
  return { name: folder ?? nameOf(best.path), files };
}

function parsed({ path, bytes }: GivenFile): NetworkFiles['args'] {
  try {
    const value = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // not JSON
  }
  throw new InputError(`${nameOf(path)}: expected the settings of a run as JSON, found something else`);
}
