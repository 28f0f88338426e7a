import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { exec } from './exec';

export interface NpmPackage {
  /** NAME@VERSION. */
  readonly spec: string;
  /** sha512-BASE64 of its .tgz, as lockfiles have it. */
  readonly integrity: string;
}

/**
 * Fetches a package with the user's own npm, from the registry that it is set up with, and checks it; nothing of it is run.
 * What npm keeps of it stays in `folder` too.
 * @returns the path of the .tgz
 * @throws Error that says why not; the signal's reason
 */
export async function npmPack(
  { spec, integrity }: NpmPackage,
  folder: string,
  seconds: number,
  signal?: AbortSignal,
): Promise<string> {
  const dir = join(folder, 'packed');
  mkdirSync(dir);
  await exec('npm', ['pack', spec, '--json', '--loglevel=error', '--ignore-scripts', ...PATIENCE], {
    // The registry of the project that the user works in counts.
    cwd: process.cwd(),
    env: { npm_config_pack_destination: dir, npm_config_cache: join(folder, 'npm') },
    seconds,
    signal,
    shell: process.platform === 'win32',
    why: reason,
  });
  const file = readdirSync(dir).find((f) => f.endsWith('.tgz'));
  if (!file) throw new Error(`npm gave no package for ${spec}`);
  const tgz = join(dir, file);
  const hash = createHash('sha512');
  await pipeline(createReadStream(tgz), hash, { signal });
  const found = `sha512-${hash.digest('base64')}`;
  if (found === integrity) return tgz;
  throw new Error(`${spec} is not what it should be: expected ${integrity}, the registry gave ${found}`);
}

/** npm's own retries let somebody without a network wait for more than a minute. */
const PATIENCE = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000'];

/** The sentence in what npm says with --json, on stdout or stderr by its version. */
function reason(stdout: string, stderr: string): string | undefined {
  const [, summary] = /"summary": ("(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-f]{4}))*")/iu.exec(stdout + stderr) ?? [];
  return summary ? JSON.parse(summary) : /^npm (?:error|ERR!) (.+)/m.exec(stderr)?.[1];
}
