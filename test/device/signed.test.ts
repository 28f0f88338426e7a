// What the set-up of the CPU driver fetches through apt is believed by the distribution's signature alone.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lavapipe } from '../../src/device/node/lavapipe';
import { given } from '../given';

const test = suite('signed');
const dir = mkdtempSync(join(tmpdir(), 'emotion-gcn-signed-'));
test.after(() => {
  rmSync(dir, { recursive: true });
  delete process.env.APT_CONFIG;
});

const withApt = given(test, process.platform === 'linux' && !lavapipe.hindrance(), 'apt-get');

withApt('a mirror whose list nobody has signed is refused, even where the machine would take it', async () => {
  const codename = /^VERSION_CODENAME="?([\w-]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] as string;
  const mirror = join(dir, 'mirror');
  const list = join(mirror, 'dists', codename);
  mkdirSync(join(list, 'main/binary-amd64'), { recursive: true });
  writeFileSync(
    join(list, 'Release'),
    `Suite: ${codename}\nCodename: ${codename}\nArchitectures: amd64\nComponents: main\n`,
  );
  writeFileSync(join(list, 'main/binary-amd64/Packages'), '');
  const sources = join(dir, 'sources.list');
  writeFileSync(sources, `deb [trusted=yes] file:${mirror} ${codename} main\n`);
  process.env.APT_CONFIG = join(dir, 'apt.conf');
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Acquire::AllowInsecureRepositories': 'true',
    'Acquire::AllowWeakRepositories': 'true',
    'APT::Get::AllowUnauthenticated': 'true',
  };
  writeFileSync(
    process.env.APT_CONFIG,
    Object.entries(settings)
      .map(([name, value]) => `${name} "${value}";\n`)
      .join(''),
  );
  const folder = join(dir, 'driver');
  mkdirSync(folder);
  const error = await lavapipe.fill(folder).then(
    () => 'nothing',
    ({ message }: Error) => message,
  );
  assert.match(error, /is not signed/);
});

test.run();
