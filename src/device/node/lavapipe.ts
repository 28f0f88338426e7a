import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { absent, exec } from './exec';
import { needs } from './preload';
import type { Route } from './route';

/**
 * Mesa's lavapipe with the Vulkan loader, out of the packages of the Debian or Ubuntu mirror that this machine's apt is
 * set up with: fetched and checked by apt in a state folder of its own, unpacked with dpkg-deb. Needs no root and leaves
 * the system alone.
 */
export const lavapipe: Route = {
  name: 'lavapipe',
  title: "Mesa's lavapipe",
  source: "this machine's apt sources",
  mib: { fetched: 61, kept: 180 },
  driver: 'libvulkan_lvp.so',
  icd: 'icd.json',
  hindrance() {
    const programs = absent('apt-get', 'dpkg-deb');
    return programs.length > 0 ? `${programs.join(' and ')} not found` : undefined;
  },
  fill,
};

async function fill(folder: string): Promise<void> {
  const work = join(folder, 'work');
  for (const d of ['state/lists/partial', 'cache/archives/partial', 'debs', 'root'])
    mkdirSync(join(work, d), { recursive: true });
  const { codename, suites, keyring } = release();
  const apart = options({
    'Dir::State': join(work, 'state'),
    'Dir::State::status': '/var/lib/dpkg/status',
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': '',
    'Acquire::Retries': '2',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    // Whatever this machine allows itself.
    'Acquire::AllowInsecureRepositories': 'false',
    'Acquire::AllowWeakRepositories': 'false',
    'APT::Get::AllowUnauthenticated': 'false',
  });
  const uris = await exec('apt-get', [...apart, 'update', '--print-uris']);
  const mirror = uris.match(new RegExp(`^'(.*)/dists/${codename}/InRelease'`, 'm'))?.[1];
  if (!mirror) throw new Error(`apt has no source for ${codename}`);

  const sources = join(work, 'sources.list');
  const signed = existsSync(keyring) ? `signed-by=${keyring} ` : '';
  writeFileSync(sources, suites.map((s) => `deb [${signed}target=Packages] ${mirror} ${s} main\n`).join(''));
  const apt = [
    ...apart,
    ...options({ 'Dir::Etc::sourcelist': sources, 'Dir::Etc::sourceparts': '-', 'Acquire::Languages': 'none' }),
    ...['-qq', '-t', suites.at(-1) as string],
  ];
  await exec('apt-get', [...apt, 'update'], { seconds: 180 });
  const wanted = ['mesa-vulkan-drivers', 'libvulkan1'];
  const install = ['install', '-y', '--no-install-recommends', '--print-uris', ...wanted];
  const missing = [...(await exec('apt-get', [...apt, ...install])).matchAll(/^'[^']*' ([^_ ]+)_/gm)].map((m) => m[1]);
  // Whatever of the two is installed already, but does not do, is wanted as a private copy of the newest.
  const packages = [...new Set([...wanted, ...missing])];
  const debs = join(work, 'debs');
  await exec('apt-get', [...apt, 'download', ...packages], { cwd: debs, seconds: 600 });
  for (const deb of readdirSync(debs)) await exec('dpkg-deb', ['-x', join(debs, deb), join(work, 'root')]);
  collect(join(work, 'root'), folder);
  rmSync(work, { recursive: true });
}

const options = (o: Record<string, string>) => Object.entries(o).flatMap(([k, v]) => ['-o', `${k}=${v}`]);

/** This system's release name, and the suites of it where a Mesa that Dawn accepts (newer than 22.3) is to be found. */
function release(): { codename: string; suites: string[]; keyring: string } {
  const text = readFileSync('/etc/os-release', 'utf8');
  const field = (name: string) => text.match(new RegExp(`^${name}="?([\\w-]+)`, 'm'))?.[1];
  const ubuntu = field('UBUNTU_CODENAME');
  const codename = ubuntu ?? field('VERSION_CODENAME');
  if (!codename) throw new Error('/etc/os-release names no VERSION_CODENAME');
  const extra = ubuntu ? [`${codename}-updates`] : codename === 'bookworm' ? ['bookworm-backports'] : [];
  const keyring = `/usr/share/keyrings/${ubuntu ? 'ubuntu' : 'debian'}-archive-keyring.gpg`;
  return { codename, suites: [codename, ...extra], keyring };
}

/** Moves the loader, the driver and what they need of an unpacked tree into `folder/lib`, each under its SONAME. */
function collect(root: string, folder: string): void {
  const lib = join(folder, 'lib');
  mkdirSync(lib);
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => /\.so(\.|$)/.test(f));
  const paths = new Map(files.map((f) => [basename(f), join(root, f)]));
  const take = (name: string): void => {
    const path = paths.get(name);
    if (!path || existsSync(join(lib, name))) return; // the system has it, or it is here
    renameSync(realpathSync(path), join(lib, name));
    for (const other of needs(join(lib, name))) take(other);
  };
  take('libvulkan.so.1');
  take(lavapipe.driver);
  const icds = join(root, 'usr/share/vulkan/icd.d');
  const name = readdirSync(icds).find((f) => f.startsWith('lvp_icd'));
  if (!name) throw new Error('the package mesa-vulkan-drivers holds no lavapipe');
  const icd = JSON.parse(readFileSync(join(icds, name), 'utf8'));
  icd.ICD.library_path = `./lib/${lavapipe.driver}`;
  writeFileSync(join(folder, lavapipe.icd), JSON.stringify(icd));
}
