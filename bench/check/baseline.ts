import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/base/errors';

/** Ratios by work, as they were measured once on an adapter. */
export interface Baseline {
  readonly adapter: string;
  readonly variant: string;
  readonly ratios: Readonly<Record<string, number>>;
}

/** The file of an adapter: its name's first word, such as `llvmpipe`. */
export function baselineFile(folder: string, adapter: string): string {
  const slug = adapter
    .toLowerCase()
    .split(/[:(,]/)[0]
    .trim()
    .replace(/[^a-z0-9]+/g, '-');
  return join(folder, `baseline.${slug}.json`);
}

/** @throws InputError when there is none, or it is no baseline */
export function readBaseline(file: string): Baseline {
  if (!existsSync(file))
    throw new InputError(
      `${file} is not there: this adapter has no baseline yet; npm run bench:check -- --update makes it`,
    );
  const found: Partial<Baseline> = JSON.parse(readFileSync(file, 'utf8'));
  const numbers = Object.values(found.ratios ?? {});
  if (numbers.length === 0 || !numbers.every((v) => v > 0))
    throw new InputError(
      `${file}: expected "ratios" with a number above 0 a work; npm run bench:check -- --update rewrites it`,
    );
  return found as Baseline;
}

export function writeBaseline(file: string, { adapter, variant, ratios }: Baseline): void {
  const sorted = Object.entries(ratios)
    .sort(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([work, v]) => [work, Number(v.toPrecision(3))]);
  writeFileSync(file, `${JSON.stringify({ adapter, variant, ratios: Object.fromEntries(sorted) }, null, 2)}\n`);
}

/** The share of its ratio that a work may lose. */
export const LOSS = 0.25;
export const lost = (now: number, before: number): boolean => now < (1 - LOSS) * before;
