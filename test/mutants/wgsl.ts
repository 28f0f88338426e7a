import { type Change, OPERATORS, TWINS } from './change';

const TOKEN =
  /(?<space>\/\/.*|\/\*[\s\S]*?\*\/|\s+)|(?<attribute>@\w+\s*(?:\([^)]*\))?)|(?<number>0x[\da-fA-F]+u?|(?:\d+\.\d*|\.\d+|\d+)(?:e[+-]?\d+)?[uifh]?)|(?<word>\w+)|(?<operator><<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||->|[-+*/%&|^]=|\+\+|--|[-+*/%<>=!&|^~.,;:?(){}[\]])/gy;

interface Token {
  readonly kind: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** All small breaks of a kernel's text; none in comments, attributes, declarations of bindings, types and structs. */
export function changesOfWgsl(text: string): Change[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(TOKEN)) {
    const [kind] = Object.entries(match.groups ?? {}).find(([, part]) => part !== undefined) ?? [];
    if (kind && kind !== 'space') {
      const start = match.index;
      tokens.push({ kind, text: match[0], start, end: start + match[0].length });
    }
  }
  return tokens.flatMap((token, i) => (declared(text, token) ? [] : changesAt(text, tokens, i)));
}

/** Whether a token stands in the line of a binding, an alias or a module's variable, or within a struct. */
function declared(text: string, { start }: Token): boolean {
  const line = text.slice(text.lastIndexOf('\n', start - 1) + 1, start);
  if (/^\s*(@group|var<|alias |enable |fn )|->/.test(line) && !line.includes('{')) return true;
  const open = text.lastIndexOf('struct ', start);
  return open >= 0 && !text.slice(open, start).includes('}');
}

function changesAt(text: string, tokens: readonly Token[], i: number): Change[] {
  const { kind, text: word, start, end } = tokens[i];
  const [before, after] = [tokens[i - 1], tokens[i + 1]];
  const change = (sort: string, by: string, to = end): Change => ({ start, end: to, text: by, sort });
  if (kind === 'number') return numbers(word).map((by) => change('number', by));
  if (kind === 'operator') {
    // Operators of two sides stand between spaces here, as signs, pointers and lists of types do not.
    const spaced = /\s/.test(text[start - 1] ?? '') && /\s/.test(text[end] ?? '');
    if (spaced && OPERATORS[word])
      return [change(word.length > 1 && word.endsWith('=') ? 'edge' : sortOf(word), OPERATORS[word])];
    if (word === '-' && !spaced && /[=(,]$/.test(text.slice(0, start).trimEnd())) return [change('sign', '')];
    return [];
  }
  if (kind !== 'word') return [];
  if (word === 'workgroupBarrier' || word === 'storageBarrier') return [change('barrier', '', end + '()'.length)];
  if (before?.text === '.' && /^[xyzw]$/.test(word))
    return [change('component', { x: 'y', y: 'x', z: 'y', w: 'z' }[word] as string)];
  if (TWINS[word] && after?.text === '(') return [change('twin', TWINS[word])];
  if (word === 'if' && after?.text === '(') {
    const close = closing(tokens, i + 1);
    const condition = text.slice(after.end, tokens[close].start);
    return [`false && (${condition})`, `true || (${condition})`].map((by) => ({
      start: after.end,
      end: tokens[close].start,
      text: by,
      sort: 'condition',
    }));
  }
  return [];
}

const sortOf = (operator: string): string =>
  /^[<>]$/.test(operator) ? 'edge' : /^[-+]$/.test(operator) ? 'sign' : 'operator';

/** One more and one less, where that is a number of the same type. */
function numbers(word: string): string[] {
  const [, digits, suffix] = /^(\d+)([ui]?)$/.exec(word) ?? [];
  if (digits === undefined) return /^\d+\.\d*$/.test(word) ? [`${Number(word) + 1}.0`] : [];
  const n = Number(digits);
  return [n + 1, ...(n > 0 ? [n - 1] : [])].map((by) => `${by}${suffix}`);
}

/** The index of the token that closes the bracket at `open`. */
function closing(tokens: readonly Token[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i++) {
    if (tokens[i].text === '(') depth++;
    if (tokens[i].text === ')' && --depth === 0) return i;
  }
  throw new Error(`a bracket at ${tokens[open].start} is never closed`);
}
