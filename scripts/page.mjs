// Builds the page (src/page): one file with all inside, which a run's server and report.html take, or, for the static site, in three.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The page's JavaScript and CSS. */
async function compile() {
  const { outputFiles } = await build({
    entryPoints: { page: 'src/page/main.tsx' },
    outdir: '.',
    write: false,
    bundle: true,
    minify: true,
    format: 'esm',
    target: ['chrome123', 'firefox120', 'safari17.5'],
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  });
  const text = (end) => outputFiles.find((file) => file.path.endsWith(end)).text;
  return { js: text('.js'), css: text('.css') };
}

/** What is inline is named by its hash: a browser runs nothing else. */
const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

const ICON =
  "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><rect width='16' height='16' rx='4' fill='%234f46e5'/>" +
  "<path d='M3 4.5c2 6 4 7 10 7' fill='none' stroke='white' stroke-width='1.75' stroke-linecap='round'/></svg>";

const html = (policy, head, source) => `<!doctype html>
<!-- With preact, (c) 2015-present Jason Miller, and uPlot, (c) 2022 Leon Sorokin: both MIT. -->
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>emotion-gcn</title>
<link rel="icon" href="${ICON}">
${head}
</head>
<body>
<noscript>This page draws with JavaScript, which is off.</noscript>
<script id="page" type="application/json">${source}</script>
</body>
</html>
`;

/** Writes page.html into `outdir`: its <script id="page"> is empty and takes a PageSource. */
export async function buildPage(outdir) {
  const { js, css } = await compile();
  // What would end the element, as minified JavaScript can say it inside of a text.
  const script = js.replaceAll('</script', '<\\/script');
  const policy =
    `default-src 'none'; script-src ${hash(script)}; style-src ${hash(css)}; img-src 'self' data: blob:; ` +
    "connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'";
  mkdirSync(outdir, { recursive: true });
  writeFileSync(
    join(outdir, 'page.html'),
    html(policy, `<style>${css}</style>\n<script type="module">${script}</script>`, ''),
  );
}

/** Writes index.html, page.js and page.css into `outdir`: the page of the static site, which asks for site.js beside it. */
export async function buildSiteShell(outdir, version) {
  const { js, css } = await compile();
  const policy =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; " +
    "connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'";
  const head =
    '<link rel="stylesheet" href="page.css">\n<link rel="stylesheet" href="site.css">\n<script type="module" src="page.js"></script>';
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, 'page.js'), js);
  writeFileSync(join(outdir, 'page.css'), css);
  writeFileSync(join(outdir, 'index.html'), html(policy, head, JSON.stringify({ kind: 'site', version })));
}
