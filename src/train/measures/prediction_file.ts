// A file of predictions that is written as they come and can be gone on with.
import { createReadStream, lstatSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parse } from 'csv-parse/sync';
import { InputError, MachineError } from '../../base/errors';
import { asInputError, lookAt } from '../../data/files';
import type { FacePrediction } from './face_prediction';
import { csvHeader, csvPrediction, csvRow, jsonElement, predictionOf, type RowShape } from './prediction_text';

export const PREDICTION_FORMATS = ['csv', 'json', 'jsonl'] as const;
export type PredictionFormat = (typeof PREDICTION_FORMATS)[number];

/** Longer lines are no predictions, and no prediction has more of them. */
const MAX_LINE = 1 << 20;
const MAX_LINES = 1000;

/** Milliseconds between two times that the disk is waited for. */
const SYNC_MS = 5000;

/** How predictions are written: `head`, rows, `tail`. */
interface Form {
  readonly head: string;
  row(prediction: FacePrediction, first: boolean): string;
  readonly tail: string;
  /** How the first row begins, for what holds none that is whole. */
  readonly begin: string;
  /** @returns null: it is none */
  read(row: string): FacePrediction | null;
}

const formOf = (format: PredictionFormat, shape: RowShape): Form => {
  const json = { begin: '', head: '', tail: '', read: (text: string) => predictionOf(JSON.parse(text), shape) };
  switch (format) {
    case 'csv':
      return {
        head: `${csvHeader(shape)}\n`,
        row: (prediction) => `${csvRow(prediction, shape)}\n`,
        tail: '',
        begin: '',
        read: (text) => csvPrediction(parse(text)[0], shape),
      };
    case 'jsonl':
      return { ...json, row: (prediction) => `${JSON.stringify(prediction)}\n`, begin: '{"image":"' };
    case 'json':
      return {
        ...json,
        head: '[\n',
        row: (prediction, first) => `${first ? '' : ',\n'}${jsonElement(prediction)}`,
        tail: '\n]\n',
        begin: '  {\n    "image": "',
      };
  }
};

/** A line of a file, without its end. */
interface Line {
  readonly text: string;
  /** Bytes before it, and with it. */
  readonly begin: number;
  readonly end: number;
}

/**
 * A file of predictions. A row is written in one piece behind the others: whatever ends the program, the rows before it are there, and at most
 * half a row, which is cut off when the file is gone on with. Nothing in it is touched before the first row is added.
 */
export class PredictionFile {
  private readonly form: Form;
  private handle: FileHandle | null = null;
  /** Bytes that are known to be whole rows, and how many rows those are. */
  private end = 0;
  private count = 0;
  private isWhole = false;
  private synced = 0;

  /** @throws InputError if it can be no file, or its folder is not there */
  constructor(
    readonly file: string,
    private readonly format: PredictionFormat,
    shape: RowShape,
  ) {
    this.form = formOf(format, shape);
    const found = lookAt(file);
    const isLink = found === 'nothing' && lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink();
    if ((found !== 'a file' && found !== 'nothing') || isLink)
      throw new InputError(
        `${file}: cannot be written: expected a file or nothing there, found ${isLink ? 'a link that leads nowhere' : found}; check --out`,
      );
    if (lookAt(dirname(file)) !== 'a folder')
      throw new InputError(`${file}: cannot be written: there is no folder ${dirname(file)}; check --out`);
  }

  /**
   * The predictions that are there, in order. They must be gone through before one is added.
   * @throws InputError if it holds anything else
   */
  async *rows(): AsyncGenerator<FacePrediction, void, undefined> {
    if (lookAt(this.file) === 'nothing') return;
    const { head } = this.form;
    let parts: string[] = [];
    let [line, begin, isOpen, isHead] = [0, 0, false, head !== ''];
    for await (const { text, begin: at, end } of this.lines()) {
      line++;
      if (this.isWhole) throw this.notOurs(line, 'text behind the end');
      if (isHead) {
        if (`${text}\n` !== head) throw this.notOurs(line, text);
        [isHead, this.end] = [false, end];
        continue;
      }
      if (this.format === 'json' && !isOpen && text === ']') {
        this.isWhole = true;
        continue;
      }
      if (!isOpen) begin = line;
      parts.push(text);
      const isOther = this.format === 'json' && !text.startsWith(this.form.begin.split('\n')[parts.length - 1] ?? '');
      if (isOther || parts.length > MAX_LINES) throw this.notOurs(line, text);
      isOpen = this.opens(text, isOpen);
      if (isOpen) continue;
      const prediction = this.read(parts.join('\n'), begin);
      // Of an array's row what follows is written with the next.
      this.end = this.format === 'json' ? at + '  }'.length : end;
      this.count++;
      parts = [];
      yield prediction;
    }
    if (this.format !== 'json') this.isWhole = this.end === statSync(this.file).size && !isHead;
  }

  /** How many rows there are. */
  get length(): number {
    return this.count;
  }

  /** @throws InputError if it cannot be written, MachineError if the disk is full */
  async add(prediction: FacePrediction): Promise<void> {
    await this.begin();
    await this.write(this.form.row(prediction, this.count === 0));
    this.count++;
    if (performance.now() - this.synced < SYNC_MS) return;
    this.synced = performance.now();
    await this.handle?.datasync();
  }

  /** @param finished no row is missing */
  async close(finished: boolean): Promise<void> {
    if (finished && !this.isWhole) await this.begin();
    const { handle } = this;
    if (!handle) return;
    this.handle = null;
    try {
      if (this.form.tail) await handle.appendFile(this.form.tail);
      await handle.datasync();
    } catch (error) {
      throw this.unwritten(error);
    } finally {
      await handle.close();
    }
  }

  private async begin(): Promise<void> {
    if (this.handle) return;
    try {
      this.handle = await open(this.file, 'a');
      await this.handle.truncate(this.end);
    } catch (error) {
      throw this.unwritten(error);
    }
    this.synced = performance.now();
    this.isWhole = false;
    if (this.end === 0) await this.write(this.form.head);
  }

  private async write(text: string): Promise<void> {
    try {
      await this.handle?.appendFile(text);
    } catch (error) {
      throw this.unwritten(error);
    }
  }

  private unwritten(error: unknown): Error {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EIO')
      return new MachineError(`${this.file}: cannot be written: ${message}; make room, then the same command goes on`);
    return new InputError(`${this.file}: cannot be written: ${message}; check --out`);
  }

  /** Whether a row goes on behind this line. */
  private opens(text: string, isOpen: boolean): boolean {
    if (this.format === 'csv') return isOpen !== (text.split('"').length % 2 === 0);
    return this.format === 'json' && text !== '  }' && text !== '  },';
  }

  private read(row: string, line: number): FacePrediction {
    let prediction: FacePrediction | null = null;
    try {
      prediction = this.form.read(this.format === 'json' ? row.replace(/,$/, '') : row);
    } catch {
      // No JSON, no CSV.
    }
    if (!prediction) throw this.notOurs(line, row);
    return prediction;
  }

  /** Lines that have an end; of what follows it is seen to that it may be the beginning of one. */
  private async *lines(): AsyncGenerator<Line, void, undefined> {
    const { head, begin } = this.form;
    let rest: Buffer = Buffer.alloc(0);
    let [at, line] = [0, 0];
    try {
      for await (const chunk of createReadStream(this.file) as AsyncIterable<Buffer>) {
        rest = Buffer.concat([rest, chunk]);
        let from = 0;
        for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
          line++;
          yield { text: rest.toString('utf8', from, end), begin: at + from, end: at + end + 1 };
          from = end + 1;
        }
        rest = rest.subarray(from);
        at += from;
        if (rest.length > MAX_LINE) throw this.notOurs(line + 1, rest.toString('utf8', 0, 200));
      }
    } catch (error) {
      throw asInputError(this.file, error);
    }
    const expected = at < head.length ? head : at === head.length ? begin.split('\n')[0] : '';
    const tail = rest.toString();
    if (!tail.startsWith(expected) && !expected.startsWith(tail)) throw this.notOurs(line + 1, tail);
  }

  private notOurs(line: number, found: string): InputError {
    const shown = JSON.stringify(found.length > 100 ? `${found.slice(0, 100)}...` : found);
    const expected = line === 1 && this.form.head ? JSON.stringify(this.form.head.trimEnd()) : 'a prediction';
    return new InputError(
      `${this.file}: line ${line}: expected ${expected} as this network, --faces and --format ${this.format} write it, found ${shown}; ` +
        'give another --out, or remove the file',
    );
  }
}
