// One golden file: its tensors, attributes, hashed inputs, and a tally of what has been looked at.
import { readSafetensors, type StoredTensor } from '../../src/formats/safetensors';
import { uniform } from '../hashinit';
import type { Numbers, Own } from './compare';

export interface Input {
  shape: number[];
  data: Float32Array;
}

export interface HashSpec {
  name: string;
  shape: number[];
  scale?: number;
  offset?: number;
}

const RESULT = /^((?:out|grad)\..+?)(?:\.sample\.f64ref|\.f64ref|\.norm|\.dot)?$/;

export class Fixture {
  readonly op: string;
  readonly salt: number;
  private readonly seen = new Set<string>();

  /** @param name for messages and the report: the file's path without its ending */
  constructor(
    readonly name: string,
    readonly tensors: Map<string, StoredTensor>,
    readonly meta: Record<string, string>,
  ) {
    this.op = meta.op ?? '';
    this.salt = this.number('salt', 0);
  }

  static parse(name: string, bytes: Uint8Array): Fixture {
    const { tensors, metadata } = readSafetensors(bytes, name);
    return new Fixture(name, tensors, metadata);
  }

  /** A metadata entry: parsed where it is JSON, else the text itself. */
  json<T>(key: string): T | undefined {
    const text = Object.hasOwn(this.meta, key) ? this.meta[key] : undefined;
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text) as T;
    } catch {
      return text as T;
    }
  }

  /** As `json`, for what the comparison cannot do without. */
  needed<T>(key: string): T {
    const value = this.json<T>(key);
    if (value === undefined) throw new Error(`no "${key}" in the metadata`);
    return value;
  }

  number(key: string, fallback?: number): number {
    const value = this.json<unknown>(key) ?? fallback;
    if (typeof value !== 'number')
      throw new Error(`"${key}" in the metadata is ${value ?? 'missing'}, expected a number`);
    return value;
  }

  attr<T>(name: string, fallback: T): T {
    return this.json<T>(`attr.${name}`) ?? fallback;
  }

  has(tensor: string): boolean {
    return this.tensors.has(tensor);
  }

  /** A stored tensor, which counts as looked at from now on. */
  take(tensor: string): StoredTensor {
    const found = this.tensors.get(tensor);
    if (!found) throw new Error(`no tensor "${tensor}" in the file`);
    this.seen.add(tensor);
    return found;
  }

  numbers(tensor: string): Numbers {
    const { data } = this.take(tensor);
    return data instanceof BigInt64Array ? Float64Array.from(data, Number) : data;
  }

  /** The names X of `in.X`, or of another prefix, in the file's order: stored ones first, then hashed ones. */
  inputs(prefix = 'in.'): string[] {
    const stored = [...this.tensors.keys()].filter((k) => k.startsWith(prefix));
    const hashed = Object.keys(this.meta).filter((k) => k.startsWith(`hash.${prefix}`));
    return [...stored.map((k) => k.slice(prefix.length)), ...hashed.map((k) => k.slice(5 + prefix.length))];
  }

  hasInput(name: string): boolean {
    return this.has(name) || Object.hasOwn(this.meta, `hash.${name}`);
  }

  /** The shape of a stored or hashed input. */
  shapeOf(name: string): number[] | undefined {
    return this.tensors.get(name)?.shape ?? this.json<HashSpec>(`hash.${name}`)?.shape;
  }

  /** An input (`in.x`, `up.y`), stored or made from its hash. */
  input(name: string): Input {
    const spec = this.json<HashSpec>(`hash.${name}`);
    if (spec && !this.has(name)) return this.hashed(spec);
    const { shape } = this.take(name);
    return { shape, data: Float32Array.from(this.numbers(name)) };
  }

  hashed({ name, shape, scale, offset }: HashSpec): Input {
    const n = shape.reduce((a, b) => a * b, 1);
    return { shape, data: uniform(name, n, this.salt, scale, offset) };
  }

  /** The results T that the file holds something of: `out.y`, `grad.x`. */
  results(): string[] {
    const names = [...this.tensors.keys()].map((k) => k.match(RESULT)?.[1]).filter((k) => k !== undefined);
    return [...new Set(names)];
  }

  wants(result: string): boolean {
    return this.results().includes(result);
  }

  /** PyTorch's own error for T; 0 where the file names none. */
  own(result: string): Own {
    return { relL2: this.number(`f32.rel_l2.${result}`, 0), maxAbs: this.number(`f32.max_abs.${result}`, 0) };
  }

  /** Tensors that nothing has looked at: each would be a claim that nobody checked. */
  unseen(): string[] {
    return [...this.tensors.keys()].filter((k) => !this.seen.has(k));
  }

  /** Marks PyTorch's own error figures, which are no results. */
  ignore(...tensors: string[]): void {
    for (const t of tensors) this.seen.add(t);
  }
}
