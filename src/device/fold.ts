import { defineKernel, type Kernel } from './kernel';

/** A grid of workgroups as a device takes it, and as the kernel is to see it. */
export interface Folded {
  readonly kernel: Kernel;
  readonly params: { readonly fold_x: number; readonly fold_y: number; readonly fold_z: number };
  readonly workgroups: readonly [number, number, number];
}

/**
 * A launch of more workgroups in a dimension than a device takes: workgroup i of a grid that it does take, counted through all three
 * dimensions, is workgroup i of the wanted one; those beyond it return at once.
 * @throws Error when there are too many to be counted in 32 bits.
 */
export function fold(kernel: Kernel, [x, y, z]: readonly [number, number, number], most: number): Folded {
  const slices = Math.ceil((x * y * z) / most);
  const layers = Math.ceil(slices / most);
  const workgroups = [Math.ceil((x * y * z) / slices), Math.ceil(slices / layers), layers] as const;
  if (layers > most || workgroups[0] * workgroups[1] * layers >= 2 ** 32)
    throw new Error(`${kernel.name}: ${x} x ${y} x ${z} workgroups are more than a launch can have`);
  return { kernel: foldable(kernel), params: { fold_x: x, fold_y: y, fold_z: z }, workgroups };
}

const made = new WeakMap<Kernel, Kernel>();

function foldable(kernel: Kernel): Kernel {
  let found = made.get(kernel);
  if (!found) {
    found = defineKernel(`${kernel.name} (folded)`, foldedText(kernel));
    made.set(kernel, found);
  }
  return found;
}

/** The kernel's text with a main that finds out its place first. No line is added, so that messages keep their numbers. */
function foldedText({ name, source, bindings }: Kernel): string {
  const main = /@workgroup_size\(([^)]*)\)(\s*fn\s+main\s*\()((?:@builtin\(\w+\)|[^()])*)(\)\s*\{)/;
  if (!main.test(source)) throw new Error(`kernel ${name}: no fn main after its @workgroup_size`);
  const uniform = bindings.find((b) => b.type === 'uniform')?.name;
  const fields = 'fold_x: u32, fold_y: u32, fold_z: u32';
  const P = uniform ?? 'P_fold';
  const text = source.replace(main, (_, size: string, fn: string, list: string, open: string) => {
    const builtins = new Map([...list.matchAll(/@builtin\((\w+)\)\s*(\w+)/g)].map(([, what, as]) => [what, as]));
    const taken = ['workgroup_id', 'num_workgroups', 'global_invocation_id'];
    const others = [...builtins].filter(([what]) => !taken.includes(what) && what !== 'local_invocation_id');
    const at = builtins.get('local_invocation_id') ?? 'fold_local';
    const typeOf: Record<string, string> = {
      local_invocation_index: 'u32',
      subgroup_size: 'u32',
      subgroup_invocation_id: 'u32',
    };
    const parameters = [
      '@builtin(workgroup_id) fold_at: vec3u, @builtin(num_workgroups) fold_grid: vec3u',
      `@builtin(local_invocation_id) ${at}: vec3u`,
      ...others.map(([what, as]) => `@builtin(${what}) ${as}: ${typeOf[what]}`),
    ];
    const group = builtins.get('workgroup_id') ?? 'fold_group';
    const [sx, sy = '1', sz = '1'] = size.split(',').filter((s) => s.trim());
    const body = [
      'let fold_i = fold_at.x + fold_grid.x * (fold_at.y + fold_grid.y * fold_at.z);',
      `let fold_q = fold_i / ${P}.fold_x;`,
      `let ${group} = vec3u(fold_i % ${P}.fold_x, fold_q % ${P}.fold_y, fold_q / ${P}.fold_y);`,
      `if (${group}.z >= ${P}.fold_z) { return; }`,
    ];
    const grid = builtins.get('num_workgroups');
    if (grid) body.push(`let ${grid} = vec3u(${P}.fold_x, ${P}.fold_y, ${P}.fold_z);`);
    const id = builtins.get('global_invocation_id');
    if (id) body.push(`let ${id} = ${group} * vec3u(${sx}, ${sy}, ${sz}) + ${at};`);
    const gap = '\n'.repeat(list.split('\n').length - 1);
    return `@workgroup_size(${size})${fn}${parameters.join(', ')}${gap}${open} ${body.join(' ')}`;
  });
  if (uniform) return text.replace(/struct Params\s*\{/, (open) => `${open} ${fields},`);
  const binding = Math.max(-1, ...bindings.map((b) => b.index)) + 1;
  return `${text}\nstruct Params { ${fields} }\n@group(0) @binding(${binding}) var<uniform> ${P}: Params;`;
}
