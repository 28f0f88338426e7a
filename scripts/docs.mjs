// The API reference out of the docstrings, into build/api: npm run docs. typedoc wants TypeScript 6 at most, so it has its own in tools/.
import { execFileSync } from 'node:child_process';

const typedoc = [
  'tools/node_modules/typedoc/bin/typedoc',
  ...['src/engine_node.ts', 'src/browser.ts', 'src/index.ts'].flatMap((door) => ['--entryPoints', door]),
  ...['--tsconfig', 'tsconfig.types.json', '--excludeInternal', '--excludePrivate', '--out', 'build/api'],
  ...['--name', 'emotion-gcn', '--readme', 'none'],
];
execFileSync(process.execPath, typedoc, { stdio: 'inherit' });
