// Labelled faces in columns: a set of 291,000 objects would take several times the memory.
import { InputError } from '../base/errors';
import { readSafetensors, writeSafetensors } from '../formats/safetensors';
import type { FacePose } from './face';

/** One labelled face. */
export interface Sample {
  /** Path below the image directory, as the annotation file has it. */
  image: string;
  /** Where it is annotated, for messages: `training.csv line 17`. */
  where: string;
  /** A place in the list of classes. */
  expression: number;
  /** -1 .. 1; NaN: not annotated. */
  valence: number;
  /** -1 .. 1; NaN: not annotated. */
  arousal: number;
  /** Where the face is in the picture, or the file of its landmarks; null: the picture is the face. */
  pose: FacePose | LandmarkFile | null;
  /** What the set may be split by, such as a person; null: nothing is known of it. */
  group: string | null;
}

/** The whole picture is the box of the face; its landmarks are read with it. */
export interface LandmarkFile {
  /** Path of a .npy of 68 points, as that of the image. */
  landmarks: string;
}

/** Numbers of a pose: both eyes and the box. */
const POSE = 8;

type Kind = 'none' | 'pose' | 'landmarks';
const KINDS: readonly Kind[] = ['none', 'pose', 'landmarks'];

/** What the columns of `n` faces hold. */
interface Columns {
  readonly n: number;
  readonly images: Texts;
  readonly expression: Uint8Array;
  readonly valence: Float64Array;
  readonly arousal: Float64Array;
  /** A place in `wheres`, and the number for its `%`. */
  readonly where: Uint16Array;
  readonly line: Uint32Array;
  readonly wheres: readonly string[];
  /** Places in `KINDS`. */
  readonly kind: Uint8Array;
  /** POSE numbers a face; none if no face has a pose. */
  readonly pose: Float64Array;
  /** A text a face; none if no face has one. */
  readonly landmarks: Texts | null;
  /** Places in `groups`, from 1; none if no face has one. */
  readonly group: Uint32Array;
  readonly groups: readonly string[];
}

/** A template of places with its number: `training.csv line %` and 17. `%%` is a `%`. */
export const placeOf = (where: string, line: number): string =>
  where.replace(/%%|%/g, (sign) => (sign === '%' ? String(line) : '%'));

/**
 * Labelled faces, at most 200 bytes each with paths as AffectNet's. Samples are made anew each time that they are asked for.
 * @example
 * const face = { image: 'a.jpg', expression: 1, valence: 0.5, arousal: 0.1, pose: null, group: null };
 * const samples = Samples.of([{ ...face, where: 'list line 1' }, { ...face, image: 'b.jpg', where: 'list line 2' }]);
 * [...samples].map((s) => s.image); // ['a.jpg', 'b.jpg']
 */
export class Samples implements Iterable<Sample> {
  private constructor(
    private readonly columns: Columns,
    /** Rows of the columns; null: all. */
    private readonly rows: Uint32Array | null,
  ) {}

  static of(samples: Iterable<Sample>): Samples {
    const columns = new SampleColumns();
    for (const { where, ...sample } of samples) {
      const line = /^(.*?)(0|[1-9]\d{0,8})([^\d%]\D*)?$/s.exec(where.replaceAll('%', '%%'));
      if (line) columns.push(sample, `${line[1]}%${line[3] ?? ''}`, Number(line[2]));
      else columns.push(sample, where.replaceAll('%', '%%'), 0);
    }
    return columns.done();
  }

  /** All rows of columns. */
  static over(columns: Columns): Samples {
    return new Samples(columns, null);
  }

  get length(): number {
    return this.rows?.length ?? this.columns.n;
  }

  at(i: number): Sample {
    const row = this.row(i);
    const { where, wheres, line } = this.columns;
    return {
      image: this.imageAt(i),
      where: placeOf(wheres[where[row]], line[row]),
      expression: this.expressionAt(i),
      valence: this.valenceAt(i),
      arousal: this.arousalAt(i),
      pose: this.poseAt(i),
      group: this.groupAt(i),
    };
  }

  imageAt(i: number): string {
    return this.columns.images.at(this.row(i));
  }

  expressionAt(i: number): number {
    return this.columns.expression[this.row(i)];
  }

  valenceAt(i: number): number {
    return this.columns.valence[this.row(i)];
  }

  arousalAt(i: number): number {
    return this.columns.arousal[this.row(i)];
  }

  groupAt(i: number): string | null {
    const { group, groups } = this.columns;
    const found = group.length > 0 ? group[this.row(i)] : 0;
    return found === 0 ? null : groups[found - 1];
  }

  poseAt(i: number): Sample['pose'] {
    const row = this.row(i);
    const { kind, pose, landmarks } = this.columns;
    switch (KINDS[kind[row]]) {
      case 'pose': {
        const [lx, ly, rx, ry, x, y, w, h] = pose.subarray(row * POSE, (row + 1) * POSE);
        return { leftEye: [lx, ly], rightEye: [rx, ry], box: [x, y, w, h] };
      }
      case 'landmarks':
        return { landmarks: landmarks!.at(row) };
      default:
        return null;
    }
  }

  *[Symbol.iterator](): Generator<Sample> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  map<T>(of: (sample: Sample, i: number) => T): T[] {
    return Array.from({ length: this.length }, (_, i) => of(this.at(i), i));
  }

  some(is: (sample: Sample) => boolean): boolean {
    for (const sample of this) if (is(sample)) return true;
    return false;
  }

  /** Those in `places`, in this order. The columns are shared. */
  select(places: ArrayLike<number>): Samples {
    return new Samples(
      this.columns,
      Uint32Array.from(places, (i) => this.row(i)),
    );
  }

  filter(keep: (sample: Sample, i: number) => boolean): Samples {
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (keep(this.at(i), i)) kept.push(i);
    return kept.length === this.length ? this : this.select(kept);
  }

  /** All of it as bytes: see `decode`. */
  encode(): Uint8Array {
    if (this.rows) return Samples.of(this).encode();
    const { n, images, wheres, landmarks, groups, ...columns } = this.columns;
    const texts = { images, landmarks, wheres: textsOf(wheres), groups: textsOf(groups) };
    const parts: [string, Numbers][] = Object.entries(columns);
    for (const [name, of] of Object.entries(texts))
      if (of) parts.push([`${name}.bytes`, of.bytes], [`${name}.ends`, of.ends]);
    const tensors = parts.map(([name, { buffer, byteOffset, byteLength }]) => {
      const data = new Uint8Array(buffer, byteOffset, byteLength);
      return [name, { shape: [data.length], data }] as const;
    });
    return writeSafetensors(new Map(tensors), { n: String(n) });
  }

  /** @throws InputError for other bytes than `encode` gives */
  static decode(bytes: Uint8Array, file?: string): Samples {
    const { tensors, metadata } = readSafetensors(bytes, file);
    const n = Number(metadata.n);
    const column = <T extends Numbers>(name: string, of: new (buffer: ArrayBuffer) => T, lengths?: number[]): T => {
      const data = tensors.get(name)?.data;
      const whole =
        data instanceof Uint8Array && data.length % (of as unknown as typeof Float64Array).BYTES_PER_ELEMENT === 0;
      const array = whole ? new of(data.slice().buffer) : null;
      if (!array || (lengths && !lengths.includes(array.length)))
        throw new InputError(`${file}: expected a column ${name} of ${lengths?.join(' or ') ?? 'some'} numbers`);
      return array;
    };
    const texts = (name: string, length?: number): Texts =>
      new Texts(
        column(`${name}.bytes`, Uint8Array),
        column(`${name}.ends`, Uint32Array, length === undefined ? undefined : [length]),
      );
    return Samples.over({
      n,
      images: texts('images', n),
      expression: column('expression', Uint8Array, [n]),
      valence: column('valence', Float64Array, [n]),
      arousal: column('arousal', Float64Array, [n]),
      where: column('where', Uint16Array, [n]),
      line: column('line', Uint32Array, [n]),
      wheres: texts('wheres').all(),
      kind: column('kind', Uint8Array, [n]),
      pose: column('pose', Float64Array, [0, n * POSE]),
      landmarks: tensors.has('landmarks.ends') ? texts('landmarks', n) : null,
      group: column('group', Uint32Array, [0, n]),
      groups: texts('groups').all(),
    });
  }

  private row(i: number): number {
    if (!(i >= 0 && i < this.length)) throw new RangeError(`sample ${i} of ${this.length}`);
    return this.rows ? this.rows[i] : i;
  }
}

/** Takes samples one at a time. */
export class SampleColumns {
  private n = 0;
  private readonly images = new TextColumn();
  private expression = new Uint8Array(64);
  private valence = new Float64Array(64);
  private arousal = new Float64Array(64);
  private where = new Uint16Array(64);
  private line = new Uint32Array(64);
  private kind = new Uint8Array(64);
  private pose = new Float64Array(0);
  private landmarks: TextColumn | null = null;
  private group = new Uint32Array(0);
  private readonly wheres = new Names();
  private readonly groups = new Names();

  get length(): number {
    return this.n;
  }

  /**
   * @param where template of the sample's place, such as `training.csv line %`; `%%` is a `%`. A few serve a set
   * @param line the number for its `%`
   * @throws RangeError beyond 65,536 templates
   */
  push({ image, expression, valence, arousal, pose, group }: Omit<Sample, 'where'>, where: string, line: number): void {
    const n = this.n++;
    const place = this.wheres.placeOf(where);
    if (place > 0xffff) throw new RangeError('more than 65536 templates of places');
    this.images.push(image);
    this.expression = put(this.expression, n, expression);
    this.valence = put(this.valence, n, valence);
    this.arousal = put(this.arousal, n, arousal);
    this.where = put(this.where, n, place);
    this.line = put(this.line, n, line);
    const kind: Kind = pose === null ? 'none' : 'landmarks' in pose ? 'landmarks' : 'pose';
    this.kind = put(this.kind, n, KINDS.indexOf(kind));
    if (pose && 'leftEye' in pose) {
      this.pose = grown(this.pose, (n + 1) * POSE);
      this.pose.set([...pose.leftEye, ...pose.rightEye, ...pose.box], n * POSE);
    }
    if (pose && 'landmarks' in pose) this.landmarks ??= new TextColumn(n);
    this.landmarks?.push(pose && 'landmarks' in pose ? pose.landmarks : '');
    if (group !== null) this.group = put(this.group, n, this.groups.placeOf(group) + 1);
  }

  /** What was pushed. Nothing may be pushed any more. */
  done(): Samples {
    const { n } = this;
    return Samples.over({
      n,
      images: this.images.done(),
      expression: this.expression.slice(0, n),
      valence: this.valence.slice(0, n),
      arousal: this.arousal.slice(0, n),
      where: this.where.slice(0, n),
      line: this.line.slice(0, n),
      wheres: this.wheres.all,
      kind: this.kind.slice(0, n),
      pose: this.pose.length > 0 ? grown(this.pose, n * POSE).slice(0, n * POSE) : this.pose,
      landmarks: this.landmarks?.done() ?? null,
      group: this.group.length > 0 ? grown(this.group, n).slice(0, n) : this.group,
      groups: this.groups.all,
    });
  }
}

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** The array, or one that holds `length` numbers, zeros behind what it had. */
function grown<T extends Numbers>(array: T, length: number): T {
  if (length <= array.length) return array;
  const larger = new (array.constructor as new (length: number) => T)(Math.max(length, Math.ceil(array.length * 1.5)));
  larger.set(array);
  return larger;
}

function put<T extends Numbers>(array: T, i: number, value: number): T {
  const into = grown(array, i + 1);
  into[i] = value;
  return into;
}

/** Names, each with a place. */
class Names {
  readonly all: string[] = [];
  private readonly places = new Map<string, number>();

  placeOf(name: string): number {
    let place = this.places.get(name);
    if (place === undefined) {
      place = this.all.push(name) - 1;
      this.places.set(name, place);
    }
    return place;
  }
}

/** Texts, UTF-8 one after the other. */
class Texts {
  constructor(
    readonly bytes: Uint8Array,
    readonly ends: Uint32Array,
  ) {}

  at(i: number): string {
    const from = i === 0 ? 0 : this.ends[i - 1];
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + from, this.ends[i] - from).toString();
  }

  all(): string[] {
    return Array.from(this.ends, (_, i) => this.at(i));
  }
}

class TextColumn {
  private bytes = new Uint8Array(4096);
  private ends: Uint32Array;
  private end = 0;

  /** @param n empty texts to begin with */
  constructor(private n = 0) {
    this.ends = new Uint32Array(n + 64);
  }

  push(text: string): void {
    const most = text.length * 3;
    this.bytes = grown(this.bytes, this.end + most);
    this.end += encoder.encodeInto(text, this.bytes.subarray(this.end)).written;
    this.ends = put(this.ends, this.n++, this.end);
  }

  done(): Texts {
    return new Texts(this.bytes.slice(0, this.end), this.ends.slice(0, this.n));
  }
}

function textsOf(list: readonly string[]): Texts {
  const column = new TextColumn();
  for (const text of list) column.push(text);
  return column.done();
}

const encoder = new TextEncoder();
