// The CPU drivers that this engine can fetch, and how a process is made to use one.
import { join, resolve } from 'node:path';
import { cacheDir, listAdapters } from '../../src/device/node';
import { lavapipe } from '../../src/device/node/lavapipe';
import type { Route } from '../../src/device/node/route';
import { useSoftwareDriver } from '../../src/device/node/software';
import { swiftshader } from '../../src/device/node/swiftshader';

export interface Driver {
  readonly name: string;
  readonly route: Route;
  readonly env?: Readonly<Record<string, string>>;
  /** That its results are known to be wrong, so that it is looked at alone. */
  readonly wrong?: true;
}

const lanes = (n: number): Pick<Driver, 'name' | 'route' | 'env'> => ({
  name: `lavapipe-${n}`,
  route: lavapipe,
  env: { LP_NATIVE_VECTOR_WIDTH: String(32 * n) },
});

export const DRIVERS: readonly Driver[] = [
  lanes(4),
  lanes(8),
  lanes(16),
  { ...lanes(32), wrong: true },
  { name: 'swiftshader', route: swiftshader },
];

/**
 * What a process needs in its environment to find the driver, which is fetched where it is not there yet.
 * @throws Error that says why it cannot be had
 */
export async function environmentOf({ name, route, env }: Driver): Promise<NodeJS.ProcessEnv> {
  const usable = async (): Promise<boolean> => (await listAdapters()).length > 0;
  const failures = await useSoftwareDriver(usable, (line) => console.error(line), [route]);
  if (failures) throw new Error(failures.join('; '));
  const { VK_DRIVER_FILES, VK_ICD_FILENAMES, LD_LIBRARY_PATH } = process.env;
  return {
    ...process.env,
    ...env,
    VK_DRIVER_FILES,
    VK_ICD_FILENAMES,
    LD_LIBRARY_PATH: [join(cacheDir(), route.name, 'lib'), LD_LIBRARY_PATH].filter(Boolean).join(':'),
    // Kernels of other widths are not this driver's.
    MESA_SHADER_CACHE_DIR: resolve('build/drivers', name),
  };
}
