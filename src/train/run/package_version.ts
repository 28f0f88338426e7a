import { readFileSync } from 'node:fs';

/** The version of the package `name`, from its package.json, which lies above the file `url`; `unknown` if none does. */
export function packageVersion(name: string, url: string): string {
  for (let at = new URL('.', url); ; at = new URL('..', at)) {
    try {
      const found = JSON.parse(readFileSync(new URL('package.json', at), 'utf8'));
      if (found.name === name) return found.version;
    } catch {
      // None here.
    }
    // Of a disk of Windows, too: nothing lies above it.
    if (new URL('..', at).href === at.href) return 'unknown';
  }
}
