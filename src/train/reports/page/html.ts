// The page as a file: dist/page.html, with what it is to show inside.
import { readFileSync } from 'node:fs';
import { MachineError } from '../../../base/errors';
import { besideProgram } from '../../../data/threads';
import type { PageSource } from '../../../page/protocol';

/** The program was bundled without the page. */
export class NoPage extends MachineError {
  override name = 'NoPage';
}

const PLACE = '<script id="page" type="application/json"></script>';

/** The page before and behind its place. */
let parts: readonly [string, string] | null = null;

/** @throws NoPage */
function pageParts(): readonly [string, string] {
  if (parts) return parts;
  const [head, tail] = pageText().split(PLACE);
  if (tail === undefined) throw new NoPage(`page.html: expected ${PLACE}; npm run build`);
  parts = [head, tail];
  return parts;
}

function pageText(): string {
  try {
    return readFileSync(besideProgram('page.html'), 'utf8');
  } catch (error) {
    throw new NoPage((error as Error).message);
  }
}

/** The page's own Content-Security-Policy, which names its scripts by their hashes. @throws NoPage */
export function pagePolicy(): string {
  const [, policy] = /<meta http-equiv="Content-Security-Policy" content="([^"]+)">/.exec(pageParts()[0]) ?? [];
  if (policy === undefined) throw new NoPage('page.html: expected a Content-Security-Policy; npm run build');
  return policy;
}

/** The page with a source inside, whatever that holds. @throws NoPage */
export function pageHtml(source: PageSource): string {
  const [head, tail] = pageParts();
  return `${head}${PLACE.replace('></', () => `>${inScript(source)}</`)}${tail}`;
}

/** As JSON in a <script>, which a `</script>` in it would end. */
export const inScript = (source: unknown): string => JSON.stringify(source).replaceAll('<', '\\u003c');
