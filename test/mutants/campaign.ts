import { resolve } from 'node:path';
import { Tree } from '../tree';
import { apply, type Change, diffOf, drawChange, lineOf, pick, type Random } from './change';
import { Coverage } from './covering';
import { checksOf, filesOf, PARTS } from './parts';
import { Trials, type Verdict } from './trial';
import { Compiler } from './typescript';
import { changesOfWgsl } from './wgsl';

export interface CampaignOptions {
  readonly n: number;
  readonly seconds: number;
  /** In the paths of the files that are broken. */
  readonly within: string;
  readonly random: Random;
  readonly say: (line: string) => void;
}

/** Draws in a row that give no mutant, after which there are no more to be had. */
const VAIN = 200;

interface Mutant {
  readonly part: string;
  readonly file: string;
  readonly text: string;
  readonly change: Change;
}

/** @throws Error where no file is to be broken */
export async function campaign({ n, seconds, within, random, say }: CampaignOptions): Promise<void> {
  const parts = PARTS.map((part) => ({ name: part.name, files: filesOf(part, within) })).filter(
    (p) => p.files.length > 0,
  );
  if (parts.length === 0)
    throw new Error(`expected files of ${PARTS.map((p) => p.name).join(', ')}, found none with ${within} in its path`);
  const coverage = await Coverage.read();
  const tree = new Tree();
  const compiler = new Compiler(tree.dir);
  const trials = new Trials(tree, seconds);
  const tried: { mutant: Mutant; verdict: Verdict }[] = [];
  const seen = new Set<string>();
  let vain = 0;
  try {
    while (tried.length < n && vain < VAIN) {
      vain++;
      const { name: part, files } = parts[tried.length % parts.length];
      const mutant = draw(part, pick(files, random));
      if (!mutant) continue;
      const verdict = await trials.try(mutant.file, apply(mutant.text, mutant.change), checksOf(mutant.file, coverage));
      if (verdict.kind === 'no mutant') continue;
      tried.push({ mutant, verdict });
      vain = 0;
      say(`${tried.length}  ${placeOf(mutant)}  ${mutant.change.sort}: ${verdictOf(verdict)}`);
      if (verdict.kind !== 'killed') say(diffOf(mutant.text, mutant.change));
    }
  } finally {
    compiler.close();
    tree.remove();
  }
  const kinds = ['killed', 'timed out', 'survived'] as const;
  const count = (kind: string, part?: string): number =>
    tried.filter(({ mutant, verdict }) => verdict.kind === kind && (part ?? mutant.part) === mutant.part).length;
  say(`\n${'part'.padEnd(12)}${kinds.map((kind) => kind.padStart(11)).join('')}`);
  for (const { name } of parts)
    say(`${name.padEnd(12)}${kinds.map((kind) => String(count(kind, name)).padStart(11)).join('')}`);
  say(`${tried.length} mutants, ${kinds.map((kind) => `${count(kind)} ${kind}`).join(', ')}`);

  /** A break that was not drawn before, and that TypeScript lets pass. */
  function draw(part: string, file: string): Mutant | undefined {
    const text = tree.read(file);
    const path = resolve(tree.dir, file);
    const typescript = file.endsWith('.ts');
    const changes = typescript ? compiler.changesOf(path) : changesOfWgsl(text);
    if (changes.length === 0) return undefined;
    const change = drawChange(changes, random);
    const key = `${file} ${change.start} ${change.text}`;
    if (seen.has(key)) return undefined;
    seen.add(key);
    if (typescript) {
      tree.write(file, apply(text, change));
      const good = compiler.accepts(path);
      tree.write(file, text);
      compiler.accepts(path);
      if (!good) return undefined;
    }
    return { part, file, text, change };
  }
}

const placeOf = ({ file, text, change }: Mutant): string => `${file}:${lineOf(text, change)}`;

const verdictOf = ({ kind, by, seconds }: Verdict): string =>
  `${kind}${kind === 'survived' ? '' : ' by'} ${by.join(', ') || 'no check'} (${Math.round(seconds)} s)`;
