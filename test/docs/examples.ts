// The examples of docstrings, and how one is run: its lines that end in `// VALUE` have that value, to 1e-3 (what is written of a figure).
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';

const textOf = (file: string): string | null => {
  try {
    return readFileSync(`src/${file}`, 'utf8');
  } catch {
    return null;
  }
};

/** Of each name that a file exports: the docstring of its declaration. */
export function docs(file: string): Map<string, string> {
  const text = textOf(file) as string;
  const found = new Map<string, string>();
  const own =
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:async )?(?:abstract )?(?:function\*?|class|const) (\w+)/g;
  for (const [, doc = '', name] of text.matchAll(own)) found.set(name, doc);
  const from = (path: string): Map<string, string> => {
    const at = posix.join(posix.dirname(file), path);
    return docs([`${at}.ts`, `${at}/index.ts`].find((f) => textOf(f) !== null) as string);
  };
  for (const [, path] of text.matchAll(/^export \* from '(.+)';/gm)) for (const [n, d] of from(path)) found.set(n, d);
  for (const [, names, path] of text.matchAll(/^export \{([^}]*)\} from '(.+)';/gm)) {
    const theirs = from(path);
    for (const [, name, as] of names.matchAll(/(?<!type )\b(\w+)(?: as (\w+))?,?/g))
      if (theirs.has(name)) found.set(as ?? name, theirs.get(name) as string);
  }
  return found;
}

export interface Example {
  readonly name: string;
  readonly code: string;
}

/** Of docstrings, by name, those that have an example. */
export const examplesIn = (all: ReadonlyMap<string, string>): Example[] =>
  [...all].flatMap(([name, doc]): Example[] => {
    const [, code] = doc.match(/^ \* @example\n([\s\S]*?)(?=^ \* @|$(?![\s\S]))/m) ?? [];
    return code === undefined ? [] : [{ name, code: code.replace(/^ \* ?/gm, '') }];
  });

/** A line that ends in a value: what stands before it, the expression, the value. */
export const CHECKED = /^(\s*(?:if \(.*?\) )?)(.+); \/\/ (-?[\d.].*|[['].*|true|false|null)$/gm;

/** Every example as a property of `examples`, an async function that throws where a value is wrong and counts in `held` those that are right. */
export function bodiesOf(examples: readonly Example[]): string {
  const bodies = examples.map(({ name, code }) => {
    const body = code.replace(CHECKED, (_, before, expression, value) => `${before}check(${expression}, ${value});`);
    return `examples[${JSON.stringify(name)}] = async () => {\n${body}\n};`;
  });
  return `const examples: Record<string, () => Promise<void>> = {};
let held = 0;
const plain = (v: unknown): unknown =>
  ArrayBuffer.isView(v) ? Array.from(v as Float32Array) : Array.isArray(v) ? v.map(plain) : v;
const same = (a: unknown, b: unknown): boolean =>
  typeof a === 'number' && typeof b === 'number' ? Math.abs(a - b) <= 1e-3
  : Array.isArray(a) && Array.isArray(b) ? a.length === b.length && a.every((v, i) => same(v, b[i]))
  : a === b;
function check(found: unknown, expected: unknown): void {
  if (!same(plain(found), plain(expected)))
    throw new Error(\`expected \${JSON.stringify(expected)}, found \${JSON.stringify(plain(found))}\`);
  held++;
}
${bodies.join('\n')}`;
}
