// Runs parts one after the other, each within its share of the time and its commands in processes of their own, and writes down
// what is there as it comes.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../src/base/errors';
import { Book } from './book';
import { spoken } from './page';
import { ROOT } from './programs';
import type { Command, DayOptions, Part, Ran, Result, Row, State } from './results';

/** Seconds kept for the last page. */
const LAST = 2;
/** A command is not begun with fewer seconds, nor with fewer than READY times those in which the machine was ready to compute. */
const LEAST = 3;
const READY = 4;
/** A command should have ended by itself after this share of its limit. */
const EARLY = 0.8;
/** What has written something in this last share of its limit was at work, only slow: no failure. */
const SILENT = 0.5;
/** How long a killed process is waited for: one that hangs in its driver does not go. */
const GONE_MS = 1000;

/** @returns whether a part failed @throws InputError for a part that is none */
export async function runDay(parts: readonly Part[], options: DayOptions): Promise<boolean> {
  const { minutes, from } = options;
  const end = performance.now() + 60_000 * minutes - 1000 * LAST;
  const names = parts.map((p) => p.name);
  if (from !== undefined && !names.includes(from))
    throw new InputError(`--from ${from}: expected a part (${names.join(', ')})`);
  const book = new Book(parts, options);
  const stop = stopper(book);
  try {
    const first = from === undefined ? 0 : names.indexOf(from);
    for (const [i, part] of parts.entries()) {
      if (i < first) continue;
      const left = (end - performance.now()) / 1000;
      const shares = parts.slice(i).reduce((sum, p) => sum + p.share, 0);
      const limit = Math.min(left, Math.max((left * part.share) / shares, part.least ?? 0));
      await runPart(part, limit, book, options, stop);
      // What the first of all refuses, such as an adapter that is none, all others would.
      const refused = book.results.parts[part.name].commands.map((c) => c.reason?.match(/^exit 2: (.*)/)?.[1]);
      if (i === first && refused.length > 0 && refused.every((r) => r !== undefined)) throw new InputError(refused[0]);
    }
  } finally {
    stop.off();
    book.write();
  }
  console.log(book.summary());
  return book.failed(names);
}

async function runPart(part: Part, limit: number, book: Book, { gpu }: DayOptions, stop: Stopper): Promise<void> {
  const result: Result = { state: 'running', seconds: 0, limit, commands: [] };
  book.results.parts[part.name] = result;
  const start = performance.now();
  const passed = (): number => (performance.now() - start) / 1000;
  const least = Math.max(LEAST, READY * book.ready);
  if (limit < least) result.state = 'no time';
  else {
    const commands = part.commands({ gpu, rows: (name) => book.rows(name) });
    for (const [i, command] of commands.entries()) {
      const ran: Ran = { label: command.label, state: 'running', seconds: 0, lines: [], rows: [] };
      result.commands.push(ran);
      // Most valuable first, too: half of what is left, or all where not two of them have the time.
      const left = limit - passed();
      const own = i + 1 < commands.length && left >= 2 * least ? left / 2 : left;
      if (command.without !== undefined) Object.assign(ran, { state: 'left out', reason: command.without });
      else if (own < least) Object.assign(ran, { state: 'no time', reason: 'no time was left' });
      else await runCommand(command, ran, own, book, stop);
    }
    result.state = stateOf(result.commands);
  }
  result.seconds = passed();
  book.write();
  console.log(book.line(part));
}

const stateOf = (commands: readonly Ran[]): State =>
  commands.some((c) => c.state === 'failed')
    ? 'failed'
    : commands.some((c) => c.state === 'no time')
      ? 'no time'
      : 'done';

/** Runs a command in a process group of its own, which is killed at the limit, and reads what it writes as it comes. */
async function runCommand(command: Command, ran: Ran, limit: number, book: Book, stop: Stopper): Promise<void> {
  const [program, ...args] = command.argv(Math.max(1, Math.floor(EARLY * limit - book.ready)));
  const raw = join(book.out, 'raw.txt');
  const file = openSync(raw, 'w');
  const start = performance.now();
  let [written, alive] = [0, 0];
  const look = (): void => {
    ran.seconds = (performance.now() - start) / 1000;
    const text = readFileSync(raw, 'utf8');
    if (text.length > written) [written, alive] = [text.length, ran.seconds];
    readInto(ran, text);
    book.write();
  };
  // Its output is a file: what it has written is there, whatever becomes of it. Its stdin ends with this process, and so does it.
  const child = spawn(program, args, { cwd: ROOT, detached: true, stdio: ['pipe', file, file] });
  child.stdin?.on('error', () => {});
  stop.child = child;
  const looking = setInterval(look, 1000);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    kill(child);
  }, 1000 * limit);
  const how = await ended(child, 1000 * limit + GONE_MS);
  clearInterval(looking);
  clearTimeout(timer);
  // What it started itself goes with it.
  kill(child);
  stop.child = null;
  closeSync(file);
  look();
  rmSync(raw, { force: true });
  if (late && ran.seconds - alive < SILENT * limit)
    Object.assign(ran, { state: 'no time', reason: `its ${limit.toFixed(0)} s were over` });
  else if (late) Object.assign(ran, { state: 'failed', reason: `killed at its limit of ${limit.toFixed(0)} s` });
  else if (how === null) ran.state = 'done';
  else Object.assign(ran, { state: 'failed', reason: `${how}${complaint(ran.lines)}` });
}

/** Why a process did not end well; null: it did. It is waited for until `ms`. */
function ended(child: ChildProcess, ms: number): Promise<string | null> {
  return new Promise((done) => {
    const timer = setTimeout(() => done('it does not end'), ms);
    const settle = (reason: string | null): void => {
      clearTimeout(timer);
      done(reason);
    };
    child.on('error', (error) => settle(error.message));
    child.on('exit', (code, signal) => settle(code === 0 ? null : `${signal ?? `exit ${code}`}`));
  });
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left.
  }
}

/** What a command complained of, for a line: the error or the flag that it names, else the last that it said. */
function complaint(lines: readonly string[]): string {
  const said = spoken(lines);
  const told =
    said.findLast((line) => /^--\w+ |^\w*error\b.*:/i.test(line)) ??
    said.findLast((line) => /FAILED/.test(line)) ??
    said.at(-1);
  return told === undefined ? '' : `: ${told.trim().slice(0, 300)}`;
}

function readInto(ran: Ran, text: string): void {
  const [lines, rows]: [string[], Row[]] = [[], []];
  for (const line of text.split('\n')) {
    const row = parsed(line);
    if (row) rows.push(row);
    else if (line !== '') lines.push(line);
  }
  Object.assign(ran, { lines, rows });
}

function parsed(line: string): Row | null {
  if (!line.startsWith('{')) return null;
  try {
    return JSON.parse(line) as Row;
  } catch {
    return null; // the half of one
  }
}

interface Stopper {
  child: ChildProcess | null;
  off(): void;
}

/** Ctrl-C and the like end what runs too, with the page written. */
function stopper(book: Book): Stopper {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const stop = (signal: (typeof signals)[number]): void => {
    if (of.child) kill(of.child);
    for (const part of Object.values(book.results.parts)) if (part.state === 'running') part.state = 'cut';
    book.write();
    console.log(book.summary());
    process.exit(128 + { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 }[signal]);
  };
  const of: Stopper = {
    child: null,
    off: () => {
      for (const signal of signals) process.off(signal, stop);
    },
  };
  for (const signal of signals) process.on(signal, stop);
  return of;
}
