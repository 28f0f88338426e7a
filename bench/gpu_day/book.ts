// What a day has found, as it stands on the disk.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/base/errors';
import { packageVersion } from '../../src/train/run/package_version';
import { page } from './page';
import type { DayOptions, Part, Results, Row } from './results';

/** results.json and gpu-day.md of a day. */
export class Book {
  readonly results: Results;

  constructor(
    private readonly parts: readonly Part[],
    readonly options: DayOptions,
  ) {
    const { out, minutes, from = null } = options;
    mkdirSync(out, { recursive: true });
    this.results = from === null ? fresh() : this.before();
    this.results.starts.push({ at: new Date().toISOString(), minutes, from });
    this.write();
  }

  get out(): string {
    return this.options.out;
  }

  /** What an earlier start has left; a part that ran as it ended was cut. */
  private before(): Results {
    const file = join(this.out, 'results.json');
    if (!existsSync(file)) return fresh();
    let found: Results;
    try {
      found = JSON.parse(readFileSync(file, 'utf8')) as Results;
      if (typeof found?.parts !== 'object' || !Array.isArray(found.starts)) throw new Error('something else');
    } catch (error) {
      throw new InputError(`${file}: expected the results of a day, found ${(error as Error).message}`);
    }
    for (const part of Object.values(found.parts)) if (part.state === 'running') part.state = 'cut';
    return found;
  }

  rows(part: string): Row[] {
    return this.results.parts[part]?.commands.flatMap((c) => c.rows) ?? [];
  }

  /** Seconds from the start of a process until the adapter had computed something; 0: nobody has looked. */
  get ready(): number {
    const rows = Object.keys(this.results.parts).flatMap((name) => this.rows(name));
    return (rows.findLast((row) => typeof row.ready_s === 'number')?.ready_s as number | undefined) ?? 0;
  }

  failed(names: readonly string[]): boolean {
    return names.some((name) => this.results.parts[name]?.state === 'failed');
  }

  write(): void {
    put(join(this.out, 'results.json'), `${JSON.stringify(this.results, null, 1)}\n`);
    put(join(this.out, 'gpu-day.md'), page(this.parts, this.results));
  }

  /** A part that has ended, for the terminal. */
  line({ name }: Part): string {
    const { state, seconds, commands } = this.results.parts[name];
    const reasons = commands.filter((c) => c.reason).map((c) => `\n  ${c.label}: ${c.reason}`);
    return `${name.padEnd(10)} ${state.padEnd(8)} ${seconds.toFixed(1).padStart(6)} s${reasons.join('')}`;
  }

  summary(): string {
    const states = this.parts.map(({ name }): string => this.results.parts[name]?.state ?? 'not begun');
    const counts = [...new Set(states)].map((s) => `${states.filter((t) => t === s).length} ${s}`);
    const next = this.parts.find((_, i) => states[i] === 'no time' || states[i] === 'cut' || states[i] === 'not begun');
    const on = next ? `; --from ${next.name} goes on` : '';
    return `${this.parts.length} parts: ${counts.join(', ')}${on}; ${join(this.out, 'gpu-day.md')}`;
  }
}

const fresh = (): Results => ({
  version: packageVersion('emotion-gcn', import.meta.url),
  starts: [],
  parts: {},
});

/** Whole or not at all. */
function put(file: string, text: string): void {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}
