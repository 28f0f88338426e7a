// The licences of all that a user of the package installs, by the lock file, as docs/licences.md has them:
// node scripts/licences.mjs [package-lock.json]; exit 1 where one is not among those that are taken.
import { readFileSync } from 'node:fs';

/** Who hands on this package need not hand on his own sources with it. */
const TAKEN = new Set(['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', '0BSD']);

/** Taken all the same, and why. */
const APART = {
  '@img/sharp-': [
    /^(Apache-2\.0 AND )?LGPL-3\.0-or-later( AND MIT)?$/,
    'libvips and what it is made of, as libraries in packages of their own, loaded as they are and exchangeable; of WebAssembly and Windows with what loads them',
  ],
  'dejavu-fonts-ttf': [/^SEE LICENSE IN /, "Bitstream Vera's and Arev's licence: free to use, embed and hand on"],
};

const { packages } = JSON.parse(readFileSync(process.argv[2] ?? 'package-lock.json', 'utf8'));
/** Names by licence, and the reasons of those apart. */
const rows = new Map();
const refused = [];
for (const [path, { license = 'none', dev, version }] of Object.entries(packages)) {
  if (path === '' || dev) continue;
  const name = path.replace(/.*node_modules\//, '');
  const apart = Object.entries(APART).find(([begin, [licence]]) => name.startsWith(begin) && licence.test(license));
  if (!TAKEN.has(license) && !apart) refused.push(`${name} ${version}: ${license}`);
  // Of one thing for many systems one line tells.
  const shown = name.replace(/^(@img\/sharp(?:-libvips)?|@koromix\/koffi)-.*/, '$1-*');
  const key = `${license} | ${TAKEN.has(license) ? '' : (apart?.[1][1] ?? '')}`;
  rows.set(key, new Set([...(rows.get(key) ?? []), shown]));
}
if (refused.length > 0) {
  console.error(`expected licences among ${[...TAKEN].join(', ')}, found ${refused.join('; ')}`);
  process.exit(1);
}
console.log(`# Licences

What \`npm install emotion-gcn\` brings, by the licence that each package names (\`node scripts/licences.mjs\` writes this page out of the lock file, and
a test compares it). \`*\` stands for systems and processors, of which one is installed. What is compiled in or comes as data is told in
[NOTICE](../NOTICE). A list for machines: \`npm sbom --omit=dev --sbom-format=spdx\` (or \`cyclonedx\`).

| licence | packages | why it is taken |
| --- | --- | --- |`);
for (const [key, names] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const [licence, why] = key.split(' | ');
  console.log(`| ${licence} | ${[...names].sort().join(', ')} | ${why} |`);
}
