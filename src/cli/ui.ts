import { Command } from 'commander';
import { InputError } from '../base/errors';
import { lookAt } from '../data/files';
import { takenNames } from '../train/run/files';
import { readSettings, type Settings, whole } from '../train/settings/settings';
import { openPageBeside, type PageBeside } from '../ui/beside';
import { PORT } from '../ui/port';
import { stoppable } from './interrupt';
import { addSettings } from './settings_options';
import { print, say, terminal } from './terminal';

const PORT_KIND = whole(0, 65_535);

const SETTINGS: Settings<{ port: number }> = {
  port: { kind: PORT_KIND, default: PORT, help: 'port of this machine to serve on, or the next free one; 0: any' },
};

const EXAMPLE = `
Examples:
  emotion-gcn ui run1
  emotion-gcn ui runs/*

Prints the link of a page that shows runs side by side, finished or going on, and follows them until Ctrl-C. It is served to this
machine alone, and to who has the link. From another machine: ssh -L 6060:127.0.0.1:6060 HOST, then the same link.`;

/** `emotion-gcn ui` */
export const uiCommand = (): Command =>
  addSettings(
    new Command('ui').description('show runs on a page of your browser').argument('<RUN...>', 'folders of runs'),
    SETTINGS,
  )
    .addHelpText('after', EXAMPLE)
    .action(async (dirs: string[], options: Record<string, unknown>) => {
      const { port } = readSettings(SETTINGS, options);
      for (const dir of dirs) checkRunFolder(dir);
      const { PageServer } = await import('../ui/server');
      const page = await PageServer.open(port);
      print(page.url);
      for (const dir of new Set(dirs)) page.watch({ dir, name: dir });
      const untilStopped = (signal: AbortSignal): Promise<never> => {
        say('open this link; Ctrl-C ends it');
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      };
      await stoppable(untilStopped, () => {});
      await page.close();
    });

/** @throws InputError: a run may be broken, but some of it must be there */
function checkRunFolder(dir: string): void {
  const found = lookAt(dir);
  const why = found === 'a folder' ? 'one with no file of a run' : found;
  if (found !== 'a folder' || takenNames(dir).length === 0)
    throw new InputError(`ui expects the folder of a run, found ${why}: ${dir}; check the path`);
}

/** Gives a command that trains its `--ui`. */
export const addUi = (command: Command): Command =>
  command.option(
    '--ui [PORT]',
    `serve a page that shows the run as it goes on, and print its link first (default: ${PORT})`,
  );

/** Opens the page that `--ui` asks for, and prints its link; null: it was not given. @param ui as commander has it */
export async function openUi(ui: string | true | undefined): Promise<PageBeside | null> {
  if (ui === undefined) return null;
  const port = ui === true ? PORT : PORT_KIND.read(ui);
  if (port === undefined) throw new InputError(`--ui expects ${PORT_KIND.expected}, found ${JSON.stringify(ui)}`);
  const page = await openPageBeside(port, say);
  if (terminal.progress === 'json') terminal.event('page', { url: page.url });
  else print(page.url);
  return page;
}
