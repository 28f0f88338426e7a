// report.html: the page with a run inside, in one file that can be sent.
import { basename } from 'node:path';
import type { PageRun } from '../../../page/protocol';
import { REPORT } from '../../run/files';
import { packageVersion } from '../../run/package_version';
import type { Run } from '../../run/read_run';
import { RunFolder } from '../../run/run_folder';
import { leastCertainOf, worstOf } from './faces';
import { fitted } from './fit';
import { pageHtml } from './html';
import { pictureOf } from './pictures';
import { RunReader } from './run_reader';

/** Most bytes of the file. */
const MOST = 2_950_000;
/** Pixels of a picture's longer side; bytes that all of them together may take at most; mistakes, and unsure faces, that come first. */
const [SIDE, MOST_PICTURES, GALLERY] = [112, 2_000_000, 60];

/**
 * Writes report.html of a run, of less than 3 MB: see `fitted`.
 * @param pictures with small pictures of the worst mistakes, the least certain faces, and of the others as far as there is room
 * @throws InputError or MachineError if it cannot be written, or the program was built without the page
 */
export async function writeReport({ dir }: Pick<Run, 'dir'>, pictures = false): Promise<void> {
  const reader = new RunReader(dir, basename(dir), 'r0');
  reader.look();
  const of = (...runs: readonly PageRun[]): string =>
    pageHtml({
      kind: 'report',
      version: packageVersion('emotion-gcn', import.meta.url),
      made: new Date().toISOString(),
      runs,
    });
  const room = MOST - Buffer.byteLength(of());
  const run = fitted({ ...reader.run, running: false }, pictures ? room - MOST_PICTURES : room);
  const shown = pictures ? { ...run, pictures: await picturesOf(run) } : run;
  await RunFolder.open({ dir }).write(REPORT, of(shown));
}

/** As data: addresses, by row. */
async function picturesOf(run: PageRun): Promise<Record<string, string>> {
  const { predictions } = run;
  if (!predictions) return {};
  const rows = new Set([
    ...worstOf(predictions).slice(0, GALLERY),
    ...leastCertainOf(predictions).slice(0, GALLERY),
    ...predictions.image.keys(),
  ]);
  const found: Record<string, string> = {};
  let bytes = 0;
  for (const row of rows) {
    const jpeg = await pictureOf(run, row, SIDE);
    if (jpeg === null) continue;
    const address = `data:image/jpeg;base64,${jpeg.toString('base64')}`;
    // With its name, quotes, colon and comma.
    bytes += address.length + 16;
    if (bytes > MOST_PICTURES) break;
    found[row] = address;
  }
  return found;
}
