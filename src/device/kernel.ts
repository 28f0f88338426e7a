/** A compute kernel as read off its WGSL: the source is the one place that says what is bound and which sizes travel. */
export interface Kernel {
  readonly name: string;
  readonly source: string;
  readonly bindings: readonly Binding[];
  readonly fields: readonly Field[];
}

export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly type: GPUBufferBindingType;
}

/** A scalar of `struct Params`, which travels in the uniform binding. */
export interface Field {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

export type Constants = Readonly<Record<string, number | boolean | string>>;

/** Opens the line in front of a file's text that names it (scripts/bundle.mjs); a text without gets the kernel's name and a number. */
const FILE = '//@ ';

/**
 * Reads a kernel's bindings (`@group(0) @binding(i) var<...> NAME`) and the scalars of its `struct Params`.
 * @throws Error when a field of Params is no u32, i32 or f32, or there are more than 64 of them.
 * @example
 * const twice = defineKernel(
 *   'twice',
 *   `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
 *    @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
 *      if (id.x < arrayLength(&x)) { x[id.x] *= 2.0; }
 *    }`,
 * );
 * const x = tensor(device, [1, 2, 3, 4], [4]);
 * device.dispatch(twice, { buffers: { x: x.storage }, workgroups: [1] });
 * await x.data(); // [2, 4, 6, 8]
 */
export function defineKernel(name: string, ...parts: string[]): Kernel {
  const source = parts.map((text, i) => (text.startsWith(FILE) ? text : `${FILE}${name}[${i}]\n${text}`)).join('\n');
  const bindings = [...source.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<([^>]+)>\s*(\w+)/g)].map((m) => ({
    index: Number(m[1]),
    name: m[3],
    type: bindingType(m[2]),
  }));
  const body = source.match(/struct Params\s*\{([^}]*)\}/)?.[1].replace(/\/\/.*/g, '') ?? '';
  const fields = [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map((m) => {
    if (m[2] !== 'u32' && m[2] !== 'i32' && m[2] !== 'f32')
      throw new Error(`kernel ${name}: Params.${m[1]} is ${m[2]}, expected u32, i32 or f32`);
    return { name: m[1], type: m[2] } as Field;
  });
  if (fields.length > 64) throw new Error(`kernel ${name}: ${fields.length} Params, at most 64 fit a uniform slot`);
  return { name, source, bindings, fields };
}

function bindingType(qualifier: string): GPUBufferBindingType {
  if (qualifier === 'uniform') return 'uniform';
  return qualifier.includes('read_write') ? 'storage' : 'read-only-storage';
}

/** The source with its constants as a header of `const`s (strings become type aliases), after the `enable` lines that it needs. */
export function specialise(kernel: Kernel, constants: Constants): string {
  const enable = /^[ \t]*enable [^;\n]+;/gm;
  const enables: string[] = [...(kernel.source.match(enable) ?? [])];
  const rest = kernel.source.replace(enable, '');
  const header = Object.entries(constants).map(([k, v]) => {
    if (typeof v === 'string') return `alias ${k} = ${v};`;
    return `const ${k} = ${typeof v === 'boolean' ? v : `${v}u`};`;
  });
  if (header.some((line) => /= (f16|vec[24]h);$/.test(line))) enables.push('enable f16;');
  return [...enables, ...header, rest].join('\n');
}

/** A compiler's messages about a specialised source, each with file, line and the line's text. */
export function explain(kernel: Kernel, code: string, messages: readonly GPUCompilationMessage[]): Error {
  const lines = code.split('\n');
  const told = messages.map(({ lineNum, linePos, message }) => {
    let start = lineNum - 1;
    while (start >= 0 && !lines[start].startsWith(FILE)) start--;
    const file = start < 0 ? `constants of ${kernel.name}` : lines[start].slice(FILE.length);
    return `${file}:${lineNum - 1 - start}:${linePos}: ${message}\n  ${lines[lineNum - 1]?.trim() ?? ''}`;
  });
  return new Error(`kernel ${kernel.name} does not compile: ${told.join('\n')}`);
}

/** Room for the values of `struct Params`, of whatever type. */
export class ParamWords {
  readonly words = new Uint32Array(64);
  private readonly integers = new Int32Array(this.words.buffer);
  private readonly floats = new Float32Array(this.words.buffer);

  /** Encodes the values in the order of the kernel's fields. */
  encode({ name, fields }: Kernel, values: Readonly<Record<string, number>>): Uint32Array<ArrayBuffer> {
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i];
      const v = values[field.name];
      if (v === undefined) throw new Error(`kernel ${name}: Params.${field.name} was not given`);
      if (field.type === 'f32') this.floats[i] = v;
      else if (field.type === 'i32') this.integers[i] = v;
      else this.words[i] = v;
    }
    return this.words.subarray(0, fields.length);
  }
}
