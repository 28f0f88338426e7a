import { createReadStream, createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress } from 'node:zlib';
import { absent, exec } from './exec';
import { type NpmPackage, npmPack } from './npm';
import type { Route } from './route';

const PACKAGE: NpmPackage = {
  spec: '@sparticuz/chromium@147.0.0',
  integrity: 'sha512-4ZKeAQQa8up2mt675qSitztLdbQrlf8BKdC5naeap+5Mv1OV1OlJdPoU+EJC/p5sQUJUQmN4r+q5+EhaaOUHpQ==',
};

/** SwiftShader with Chromium's Vulkan loader, out of an npm package. Slower than lavapipe, but needs npm and tar alone. */
export const swiftshader: Route = {
  name: 'swiftshader',
  title: 'SwiftShader',
  source: `the npm package ${PACKAGE.spec}`,
  mib: { fetched: 63, kept: 7 },
  driver: 'libvk_swiftshader.so',
  icd: 'icd.json',
  hindrance() {
    if (process.arch !== 'x64') return `there is none for ${process.arch}`;
    const programs = absent('npm', 'tar');
    return programs.length > 0 ? `${programs.join(' and ')} not found` : undefined;
  },
  fill,
};

async function fill(folder: string): Promise<void> {
  const work = join(folder, 'work');
  const lib = join(folder, 'lib');
  for (const d of [work, lib]) mkdirSync(d);
  const tgz = await npmPack(PACKAGE, work, 600);
  const archive = 'package/bin/swiftshader.tar.br';
  await exec('tar', ['-xzf', tgz, archive], { cwd: work });
  const tar = join(work, 'swiftshader.tar');
  await pipeline(createReadStream(join(work, archive)), createBrotliDecompress(), createWriteStream(tar));
  await exec('tar', ['-xf', tar, '--no-same-owner', 'libvulkan.so.1', 'libvk_swiftshader.so'], { cwd: lib });
  const icd = { library_path: './lib/libvk_swiftshader.so', api_version: '1.3.0' };
  writeFileSync(join(folder, 'icd.json'), JSON.stringify({ file_format_version: '1.0.0', ICD: icd }));
  rmSync(work, { recursive: true });
}
