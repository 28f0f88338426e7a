// The parts of a day, most valuable first: lists of commands.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { BROUGHT } from './brought';
import { commandOf, type Program, ROOT } from './programs';
import type { Command, Known, Part, Row } from './results';
import { type Speed, sizeArgs, sizeFor } from './sizes';

const gpuOf = ({ gpu }: Known): string[] => (gpu === undefined ? [] : ['--gpu', gpu]);

const command = (
  program: Program,
  args: readonly string[],
  more: (seconds: number) => readonly string[] = () => [],
): Command => ({
  label: [program, ...args].join(' '),
  argv: (seconds) => commandOf(program, [...args, ...more(seconds)]),
});

/** What the check's convolution reached; an adapter that was not looked at is taken for a slow one. */
function speedOf(known: Known): Speed {
  const check = known.rows('facts').find((row) => row.fact === 'check' && row.name === '3x3 convolution');
  return { gflops: (check?.gflops as number) ?? 10, software: factOf(known, 'adapter')?.software !== false };
}

const factOf = (known: Known, fact: string): Row | undefined => known.rows('facts').find((row) => row.fact === fact);

/** A command of a size that its time allows for so many steps. */
const sized = (known: Known, program: Program, steps: number, sizes?: 'densenet' | 'long run'): Command => {
  const speed = speedOf(known);
  return command(program, gpuOf(known), (seconds) => [
    ...sizeArgs(sizeFor(speed, seconds, steps, sizes)),
    ...['--seconds', String(seconds)],
  ]);
};

const GOLDENS = ['ops', 'extra', 'ops_large', 'modules'].map((name) => `test/golden/${name}`);

/** Tiles by precision, as the tuner found them. */
const tilesOf = (known: Known): string =>
  JSON.stringify(Object.fromEntries(known.rows('tuner').map(({ precision, tiles }) => [precision, tiles])));

export const PARTS: readonly Part[] = [
  {
    name: 'facts',
    title: 'The machine and its adapter',
    share: 20,
    least: 90,
    commands: (known) => [command('facts', gpuOf(known))],
  },
  {
    name: 'goldens',
    title: 'Ops, modules and networks against PyTorch',
    share: 100,
    commands(known) {
      const of = (...args: string[]): Command =>
        command('goldens', [...args, ...gpuOf(known)], (seconds) => ['--seconds', String(seconds)]);
      const adapter = factOf(known, 'adapter');
      const others = ((adapter?.variants as string[] | undefined) ?? []).filter((v) => v !== adapter?.variant);
      const f16 = ((adapter?.used as string[] | undefined) ?? []).includes('shader-f16');
      const networks = of('test/golden/models');
      const half = of(...GOLDENS, '--precision', 'f16');
      return [
        of(...GOLDENS),
        adapter?.software === false
          ? networks
          : { ...networks, without: 'a driver on the CPU takes minutes to compile them' },
        f16 ? half : { ...half, without: 'this adapter has no shader-f16' },
        ...others.flatMap((variant) => [
          of(...GOLDENS, '--variant', variant),
          ...(f16 ? [of(...GOLDENS, '--variant', variant, '--precision', 'f16')] : []),
        ]),
      ];
    },
  },
  {
    name: 'kernels',
    title: 'Kernels against the roofline',
    share: 60,
    commands: (known) => [
      command('bench', ['conv', '--json', '--repeat', '5', ...gpuOf(known)], seconds),
      command('bench', ['batch_norm', '--json', '--repeat', '5', ...gpuOf(known)], seconds),
      command('bench', ['matmul', '--json', '--repeat', '5', ...gpuOf(known)], seconds),
    ],
  },
  {
    name: 'step',
    title: 'Training steps: time and memory',
    share: 70,
    commands: (known) => [sized(known, 'step', 12)],
  },
  {
    name: 'tuner',
    title: 'Tiles, measured',
    share: 50,
    commands: (known) => [sized(known, 'tuner', 30)],
  },
  {
    name: 'torch',
    title: 'Beside PyTorch',
    share: 80,
    commands(known) {
      const of = sized(known, 'torch', 24, 'densenet');
      return [{ ...of, argv: (s) => [...of.argv(s), '--tiles', tilesOf(known)] }];
    },
  },
  {
    name: 'feed',
    title: 'Is the GPU fed',
    share: 50,
    commands: (known) => [sized(known, 'feed', 60)],
  },
  {
    name: 'startup',
    title: 'Cold and warm start',
    share: 40,
    commands(known) {
      const speed = speedOf(known);
      const brought = existsSync(join(ROOT, BROUGHT)) ? ['--faces', BROUGHT] : [];
      return [
        command('startup', ['--json', '--runs', '1', ...brought, ...gpuOf(known)], (seconds) => [
          ...['--network', sizeFor(speed, seconds, 60).network],
        ]),
      ];
    },
  },
  {
    name: 'flat',
    title: 'Memory of a long run',
    share: 40,
    commands: (known) => [sized(known, 'flat', 1000, 'long run')],
  },
  {
    name: 'lost',
    title: 'A lost device',
    share: 40,
    commands: (known) => [command('lost', gpuOf(known))],
  },
  {
    name: 'predict',
    title: 'What was to be expected',
    share: 10,
    commands(known) {
      const works = [...new Set(known.rows('step').map((row) => String(row.work)))];
      if (works.length === 0) return [{ ...command('bench', ['predict']), without: 'no step was measured' }];
      return works.map((work) => {
        const [, network, size, batch] = work.match(/^step emotion_gcn (\w+) (\d+) b(\d+)$/) as RegExpMatchArray;
        return command('bench', [
          ...['predict', '--network', network, '--image_size', size, '--batch_size', batch, '--json'],
        ]);
      });
    },
  },
];

const seconds = (s: number): string[] => ['--seconds', String(s)];
