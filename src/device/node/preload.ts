import { existsSync } from 'node:fs';
import { join } from 'node:path';

const RTLD_NOW = 2;
const RTLD_NODELETE = 0x1000;

/**
 * Loads a shared library into this process for good, so that glibc answers every later request for it by its SONAME
 * (Dawn's `dlopen("libvulkan.so.1")`, a driver's own needs) without LD_LIBRARY_PATH and without starting again.
 * Node closes a library that is no add-on at once ("Module did not self-register"): RTLD_NODELETE keeps it.
 * @param file a path, or a bare name for the system's search path
 * @returns the name of the library that is missing (`file` itself or something that it needs), undefined when all is well
 * @throws Error when the file is damaged
 */
export function hold(file: string): string | undefined {
  try {
    process.dlopen({ exports: {} }, file, RTLD_NOW | RTLD_NODELETE);
  } catch (e) {
    const message = (e as Error).message;
    if (message.includes('did not self-register')) return undefined;
    const missing = /(\S+): cannot open shared object file/.exec(message)?.[1];
    if (missing) return missing;
    throw e;
  }
  return undefined;
}

/**
 * Loads `folder/file` and whatever it needs: the system's libraries where there are any, else those of `folder`.
 * @throws Error that names a library which is in neither place, or is damaged
 */
export function preload(folder: string, file: string): void {
  const path = join(folder, file);
  const tried = new Set<string>();
  for (let missing = hold(path); missing; missing = hold(path)) {
    if (missing === path || tried.has(missing) || !existsSync(join(folder, missing)))
      throw new Error(`${file}: ${missing} is missing`);
    tried.add(missing);
    preload(folder, missing);
  }
}
