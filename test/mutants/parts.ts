// What is broken, by parts that are drawn from in turn.
import { readdirSync } from 'node:fs';
import { type Check, testOf } from '../tree';
import type { Coverage } from './covering';

/** Paths of a part's files begin so and end so. */
interface Part {
  readonly name: string;
  readonly begins: readonly string[];
  readonly ends: string;
}

export const PARTS: readonly Part[] = [
  { name: 'kernels', begins: ['src/kernels/'], ends: '.wgsl' },
  { name: 'gradients', begins: ['src/autograd/', 'src/kernels/'], ends: '.ts' },
  { name: 'readers', begins: ['src/formats/', 'src/data/layouts/', 'src/data/csv', 'src/data/crops/'], ends: '.ts' },
  { name: 'checkpoints', begins: ['src/train/run/', 'src/train/loop/'], ends: '.ts' },
  { name: 'ranks', begins: ['src/ranks/'], ends: '.ts' },
];

/** Files of a part whose path has `within` in it. */
export const filesOf = ({ begins, ends }: Part, within: string): string[] =>
  readdirSync('src', { recursive: true, encoding: 'utf8' })
    .map((file) => `src/${file}`)
    .filter((file) => begins.some((begin) => file.startsWith(begin)) && file.endsWith(ends) && file.includes(within))
    .sort();

/** These see every op, and take as long as one test: they come second. The file of all goldens is too long for a mutant. */
const EVERY_OP: readonly Check[] = [
  testOf('test/autograd/refusals.test.ts'),
  { name: 'goldens of ops', args: ['scripts/run.mjs', 'test/goldens.ts', 'test/golden/ops', 'test/golden/extra'] },
];

/** Sees every tile of the matrix products, which a device takes one of. */
const EVERY_TILE = testOf('test/kernels/tiles.test.ts');
const HAS_TILES = /^src\/kernels\/(gemm|matmul|conv2d)\//;

export function checksOf(file: string, coverage: Coverage): Check[] {
  const tests = coverage
    .testsOf(file)
    .filter((test) => test !== 'test/goldens.test.ts')
    .map(testOf);
  const computes = file.startsWith('src/kernels/') || file.startsWith('src/autograd/');
  if (!computes) return tests;
  const broad = HAS_TILES.test(file) ? [EVERY_TILE, ...EVERY_OP] : EVERY_OP;
  const others = tests.filter(({ name }) => broad.every((check) => check.name !== name));
  return [...others.slice(0, 2), ...broad, ...others.slice(2)];
}
