// JSON.parse lets the last of two equal keys win in silence, and makes much of little; a file's header is looked at before.
import { InputError } from '../base/errors';

/** Brackets, commas and keys of a text; a header of 100,000 tensors has 1.4 million. */
const MOST = 2_000_000;
/** Keys of one object, which are kept to be compared. */
const MOST_NAMES = 200_000;
const MAX_DEPTH = 32;

/**
 * Looks through a JSON text, in one pass, for what should not be parsed; what is no JSON, parsing says.
 * @throws InputError without a place: too many or too deep objects, a key twice in one object
 */
export function checkJson(json: string): void {
  const open: (Set<string> | null)[] = [];
  let count = 0;
  for (let at = 0; at < json.length; at++) {
    const char = json[at];
    if (char === '"') {
      const end = endOfString(json, at);
      const names = open.at(-1);
      if (names && isKey(json, end + 1)) {
        count++;
        addKey(names, json.slice(at, end + 1));
      }
      at = end;
    } else if (char === '{' || char === '[') {
      count++;
      open.push(char === '{' ? new Set() : null);
      if (open.length > MAX_DEPTH) throw new InputError(`expected nesting of at most ${MAX_DEPTH}, found more`);
    } else if (char === '}' || char === ']') open.pop();
    else if (char === ',') count++;
    if (count > MOST) throw new InputError(`expected at most ${MOST} objects, names and values, found more`);
  }
}

/** Where the string that begins at `at` has its other quote, or the end of the text. */
function endOfString(json: string, at: number): number {
  for (let end = json.indexOf('"', at + 1); end >= 0; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}

/** Whether a colon follows. */
function isKey(json: string, at: number): boolean {
  while (json[at] === ' ' || json[at] === '\n' || json[at] === '\r' || json[at] === '\t') at++;
  return json[at] === ':';
}

function addKey(names: Set<string>, quoted: string): void {
  let name = quoted;
  try {
    name = JSON.parse(quoted);
  } catch {
    // no JSON
  }
  if (names.has(name)) {
    const shown = JSON.stringify(name.length > 100 ? `${name.slice(0, 100)}…` : name);
    throw new InputError(`expected every name once, found ${shown} twice`);
  }
  if (names.size === MOST_NAMES) throw new InputError(`expected at most ${MOST_NAMES} names in an object, found more`);
  names.add(name);
}
