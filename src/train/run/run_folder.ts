// The run folder: the only thing that a training leaves behind, and all that evaluation, prediction and resuming need.
import { appendFileSync, existsSync, readdirSync, readFileSync, rmdirSync, rmSync, truncateSync } from 'node:fs';
import { join, posix, resolve } from 'node:path';
import { InputError, MachineError } from '../../base/errors';
import { printable } from '../../base/printable';
import { makeFolders } from '../../data/files';
import { readSafetensors } from '../../formats/safetensors';
import type { Picture } from '../reports/charts/canvas';
import {
  type Appended,
  ARGS,
  BEST,
  checkFree,
  type EventsFile,
  epochFile,
  epochOf,
  eventsFile,
  eventsOf,
  FILES,
  isRunFile,
  LAST,
  type PICTURES,
  PREVIOUS,
  type RunFile,
} from './files';
import { hasLock, LOCK, Lock } from './lock';
import type { Run, RunArgs, RunMetrics } from './read_run';
import { type EpochRow, formatResults } from './results';
import { halfOf, toJson, writeError, writeRunFile } from './write';

/**
 * Writes a run folder. Every file is replaced as a whole, so that a reader or a crash never meets half of one. A run is there once
 * args.json is: a new one holds back all that it writes until its first checkpoint is on the disk.
 */
export class RunFolder {
  /** Files and lines of a new run that wait for `begin`; null: it has begun. */
  private waiting: { readonly files: Map<RunFile, string | Uint8Array>; log: string } | null = null;
  /** What a new run has made, in order. */
  private readonly made: { readonly path: string; readonly folder: boolean }[] = [];

  private constructor(
    readonly dir: string,
    /** null: the run may be another program's, which only gets pictures from us. */
    private lock: Lock | null = null,
  ) {}

  /**
   * Takes a folder for a new run, making it if need be, or with what another has left there that was killed before it had begun.
   * @throws InputError if a run is there already or is being begun, or anything of a name that the run will write; or the folder cannot be made
   */
  static create(saved_model: string): RunFolder {
    const folder = new RunFolder(resolve(saved_model));
    const broken = hasLock(folder.dir) && !existsSync(folder.path(ARGS));
    if (!broken) checkFree(folder.dir);
    folder.waiting = { files: new Map(), log: '' };
    try {
      folder.makeFolder(folder.dir);
      // Exclusive: of two runs that start at once, one is refused.
      folder.lock = Lock.take(folder.dir);
      if (existsSync(folder.path(ARGS))) checkFree(folder.dir);
      if (broken) folder.sweep(FILES.filter((name) => name !== LOCK));
    } catch (error) {
      folder.close();
      throw error instanceof InputError ? error : writeError(folder.dir, error);
    }
    return folder;
  }

  /**
   * Goes on with a run that `readRun` has read.
   * @throws InputError if it is going on in another program
   */
  static resume({ dir }: Run): RunFolder {
    const folder = new RunFolder(dir, Lock.take(dir));
    folder.sweep([]);
    return folder;
  }

  /** Removes what a killed program was writing, and these files. */
  private sweep(files: readonly string[]): void {
    for (const at of ['', 'weights']) {
      const names = existsSync(this.path(at)) ? readdirSync(this.path(at)) : [];
      const halves = names.filter((name) => isRunFile(posix.join(at, halfOf(name) ?? '')));
      for (const name of halves) rmSync(this.path(join(at, name)), { force: true });
    }
    for (const name of files) rmSync(this.path(name), { force: true });
  }

  /** To draw a run, which may be going on meanwhile. */
  static open({ dir }: Pick<Run, 'dir'>): RunFolder {
    return new RunFolder(dir);
  }

  private makeFolder(dir: string): void {
    this.made.push(...makeFolders(dir).map((path) => ({ path, folder: true })));
  }

  /** The path of a file of the run. */
  path(name: string): string {
    return join(this.dir, name);
  }

  /** A new run that is not there yet. */
  get isNew(): boolean {
    return this.waiting !== null;
  }

  /**
   * Begins a new run: what it stands on and its first checkpoint are written, the checkpoint read back, args.json last.
   * @param checkpoint a whole safetensors file
   * @throws InputError if the folder cannot be written or does not keep what is written, MachineError if the disk is full
   */
  async begin(args: RunArgs, checkpoint: Uint8Array): Promise<void> {
    const { files, log } = this.waiting ?? { files: new Map<RunFile, string>(), log: '' };
    this.makeFolder(this.path('weights'));
    await this.make(LAST, checkpoint);
    readSafetensors(readFileSync(this.path(LAST)), this.path(LAST));
    for (const [name, content] of files) await this.make(name, content);
    await this.make('run.log', log);
    await this.make(ARGS, toJson(args));
    this.waiting = null;
  }

  private async make(name: RunFile, content: string | Uint8Array): Promise<void> {
    this.made.push({ path: this.path(name), folder: false });
    this.lock?.check();
    await writeRunFile(this.path(name), content);
  }

  writeArgs(args: RunArgs): Promise<void> {
    return this.write(ARGS, toJson(args));
  }

  /** Replaces results.csv by these rows. */
  writeResults(rows: readonly EpochRow[]): Promise<void> {
    return this.write('results.csv', formatResults(rows));
  }

  writeMetrics(metrics: RunMetrics): Promise<void> {
    return this.write('metrics.json', toJson(metrics));
  }

  /** @param bytes a whole safetensors file */
  writeBest(bytes: Uint8Array): Promise<void> {
    return this.write(BEST, bytes);
  }

  /** Writes a checkpoint and keeps the one before. @param bytes a whole safetensors file */
  writeLast(bytes: Uint8Array): Promise<void> {
    return this.write(LAST, bytes, PREVIOUS);
  }

  /** Writes the weights of an epoch, from 1, and keeps the last `count`. @param bytes a whole safetensors file */
  async writeEpoch(epoch: number, bytes: Uint8Array, count: number): Promise<void> {
    await this.write(epochFile(epoch), bytes);
    const old = readdirSync(this.path('weights')).filter(
      (name) => (epochOf(`weights/${name}`) ?? epoch) <= epoch - count,
    );
    for (const name of old) rmSync(this.path(`weights/${name}`), { force: true });
  }

  /** The name for a new event file, after those that are there. */
  newEventsFile(): { name: EventsFile; first: boolean } {
    this.lock?.check();
    const n = 1 + Math.max(0, ...readdirSync(this.dir).map((name) => eventsOf(name) ?? 0));
    return { name: eventsFile(n), first: n === 1 };
  }

  /** Appends to a file of our own. Whose the folder is, is not asked here, once a step, but with each checkpoint. */
  append(name: EventsFile | Appended, content: string | Uint8Array): void {
    try {
      appendFileSync(this.path(name), content);
    } catch (error) {
      throw this.inMidRun(writeError(this.path(name), error));
    }
  }

  /** Cuts off what of a file that is appended to a checkpoint does not know. @param lengthOf how many of its bytes stay */
  cut(name: Appended, lengthOf: (bytes: Buffer) => number): void {
    this.lock?.check();
    const path = this.path(name);
    try {
      if (existsSync(path)) truncateSync(path, lengthOf(readFileSync(path)));
    } catch (error) {
      throw this.inMidRun(writeError(path, error));
    }
  }

  /** Writes a picture as NAME.svg and NAME.png. */
  async writePicture(name: (typeof PICTURES)[number], { svg, png }: Picture): Promise<void> {
    await this.write(`${name}.svg`, svg);
    await this.write(`${name}.png`, png);
  }

  /** Any further file of the run, such as its label graph. */
  async write(name: RunFile, content: string | Uint8Array, previous?: RunFile): Promise<void> {
    if (this.waiting) {
      this.waiting.files.set(name, content);
      return;
    }
    this.lock?.check();
    await writeRunFile(this.path(name), content, previous && this.path(previous)).catch((error) => {
      throw this.inMidRun(error);
    });
  }

  /** What can no more be written, but could at the start, is the machine's fault. */
  private inMidRun(error: Error): Error {
    return this.lock ? new MachineError(error.message) : error;
  }

  /** Appends a line, with the time, to run.log. */
  log(line: string): void {
    const stamped = `${new Date().toISOString()} ${printable(line)}\n`;
    if (this.waiting) {
      this.waiting.log += stamped;
      return;
    }
    this.lock?.check();
    try {
      appendFileSync(this.path('run.log'), stamped);
    } catch (error) {
      throw this.inMidRun(writeError(this.path('run.log'), error));
    }
  }

  /** Ends the writing. A new run that has not begun gives the folder back: what it has not written itself stays. */
  close(): void {
    const given = this.waiting ? this.made.toReversed() : [];
    for (const { path, folder } of given) if (!folder) rmSync(path, { force: true });
    this.lock?.release();
    for (const { path, folder } of given) if (folder) removeEmpty(path);
  }
}

function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // It holds something of its owner's.
  }
}
