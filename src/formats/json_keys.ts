// JSON.parse lets the last of two equal keys win in silence; a file that means two things should be refused.

/**
 * The first key that occurs twice in one object of `json`, or undefined.
 * @param json a text that JSON.parse has accepted
 */
export function findDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (const [, key, bracket] of json.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|([{}])/g)) {
    if (bracket === '{') open.push(new Set());
    else if (bracket === '}') open.pop();
    else if (key !== undefined) {
      const name: string = JSON.parse(key);
      const names = open[open.length - 1];
      if (names.has(name)) return name;
      names.add(name);
    }
  }
  return undefined;
}
