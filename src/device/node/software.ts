import { constants, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDir, ensureCacheDir } from './cache';
import { install } from './install';
import { lavapipe } from './lavapipe';
import { hold, preload } from './preload';
import type { Route } from './route';
import { swiftshader } from './swiftshader';

/** Best first: lavapipe computes about five times as fast as SwiftShader, and has f16. */
const ROUTES: readonly Route[] = [lavapipe, swiftshader];

/**
 * Makes a CPU driver usable in this process: what is cached first, else what can be fetched. A folder that is damaged,
 * does not load, or offers no adapter is fetched anew, once; where that fails, what was whole stays.
 * Main thread only.
 * @param usable tells whether there is an adapter with the driver in place
 * @param say is told, one line each, of a fetch (what, from where, how large, where to) and of one that failed
 * @returns undefined when a driver is in place, else why each route failed
 * @throws InputError when there is no place for it (see `cacheDir`)
 */
export async function useSoftwareDriver(
  usable: () => Promise<boolean>,
  say: (line: string) => void,
  routes = ROUTES,
): Promise<string[] | undefined> {
  const failures: string[] = [];
  const cached = (r: Route) => existsSync(join(cacheDir(), r.name));
  for (const route of [...routes.filter(cached), ...routes.filter((r) => !cached(r))]) {
    try {
      await useRoute(route, usable, say);
      return undefined;
    } catch (e) {
      failures.push(`${route.title}: ${(e as Error).message}`);
    }
  }
  return failures;
}

async function useRoute(route: Route, usable: () => Promise<boolean>, say: (line: string) => void): Promise<void> {
  const folder = join(cacheDir(), route.name);
  const before = intact(folder) ? await problemOf(route, folder, usable) : 'it was changed';
  if (before === undefined) return;
  try {
    const hindrance = route.hindrance();
    if (hindrance) throw new Error(hindrance);
    ensureCacheDir();
    const task = existsSync(folder) ? 'Repairing' : 'Setting up';
    const size = `about ${route.mib.fetched} MiB, ${route.mib.kept} MiB on disk`;
    say(`${task} a CPU driver, once: fetching ${route.title} (${size}) from ${route.source} into ${folder}`);
    await install(
      folder,
      (empty) => filled(route, empty),
      (f) => intact(f),
    );
  } catch (e) {
    if (!complete(folder)) {
      rmSync(folder, { recursive: true, force: true });
      say(`${route.title} cannot be used: ${(e as Error).message}`);
      throw e;
    }
    // A copy with other times, as `cp -r` makes it, may do.
    const problem = intact(folder) ? before : await problemOf(route, folder, usable);
    if (problem === undefined) return keep(folder);
    throw new Error(`${problem} (the copy in ${folder}), and another cannot be had: ${(e as Error).message}`);
  }
  const problem = await problemOf(route, folder, usable);
  if (problem !== undefined) throw new Error(problem);
}

const VARIABLES = ['VK_DRIVER_FILES', 'VK_ICD_FILENAMES', 'VK_LOADER_DRIVERS_SELECT', 'VK_LOADER_DRIVERS_DISABLE'];

/** Loads the driver into this process and asks it for an adapter. @returns why it does not do; undefined: it does, and stays */
async function problemOf(route: Route, folder: string, usable: () => Promise<boolean>): Promise<string | undefined> {
  const variables = VARIABLES.map((name) => [name, process.env[name]] as const);
  let problem: string | undefined;
  try {
    load(route, folder);
    if (!(await usable())) problem = 'it loads, but offers no adapter';
  } catch (e) {
    problem = (e as Error).message;
  }
  if (problem !== undefined) for (const [name, value] of variables) setVariable(name, value);
  return problem;
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

/** True when a Vulkan loader is to be had: the system's, or one that was preloaded. */
export function hasLoader(): boolean {
  try {
    hold('libvulkan.so.1');
    return true;
  } catch {
    return false;
  }
}

function load(route: Route, folder: string): void {
  const lib = join(folder, 'lib');
  if (!hasLoader()) preload(lib, 'libvulkan.so.1');
  preload(lib, route.driver);
  // What these leave out of the system's drivers would leave out this one too.
  for (const name of VARIABLES) setVariable(name, undefined);
  process.env.VK_DRIVER_FILES = process.env.VK_ICD_FILENAMES = join(withoutColon(folder), route.icd);
}

/** A path to a folder for a list with colons between its paths: of one that has a colon itself, that of a descriptor left open. */
const withoutColon = (folder: string): string =>
  folder.includes(':') ? `/proc/self/fd/${openSync(folder, constants.O_DIRECTORY)}` : folder;

async function filled(route: Route, folder: string): Promise<void> {
  await route.fill(folder);
  writeManifest(folder);
}

const MANIFEST = 'manifest.json';

type Listed = Record<string, [bytes: number, seconds: number]>;

/** The manifest lists every file with its size and time: what a stray write, a full disk or a deletion would change. */
function describe(folder: string): Listed {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => f !== MANIFEST);
  const stats = files.sort().map((f) => [f, statSync(join(folder, f))] as const);
  return Object.fromEntries(
    stats.filter(([, s]) => s.isFile()).map(([f, s]) => [f, [s.size, Math.floor(s.mtimeMs / 1000)]]),
  );
}

function writeManifest(folder: string): void {
  writeFileSync(join(folder, MANIFEST), JSON.stringify(describe(folder)));
}

/** Takes a folder as it is now for whole; where that cannot be written down it is looked at anew each time. */
function keep(folder: string): void {
  try {
    writeManifest(folder);
  } catch {
    // A folder of somebody else's.
  }
}

/** Whether a folder is as its manifest says, in all or in what `of` takes of it. */
function intact(folder: string, of: (listed: Listed) => unknown = (listed) => listed): boolean {
  try {
    const listed: Listed = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
    return JSON.stringify(of(listed)) === JSON.stringify(of(describe(folder)));
  } catch {
    return false;
  }
}

/** Whether all files are there in their sizes. */
const complete = (folder: string): boolean =>
  intact(folder, (listed) => Object.entries(listed).map(([file, [bytes]]) => [file, bytes]));
