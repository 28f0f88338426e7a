import { Command } from 'commander';
import { InputError } from '../base/errors';
import { cacheDir, cacheEntries, clearCache } from '../device/node/cache';
import { formatTable, memory } from './format';
import { print } from './terminal';

const EXAMPLE = `
Examples:
  emotion-gcn cache
  emotion-gcn cache --clear crops
  emotion-gcn cache --clear

What is cleared is fetched or made anew when it is needed.`;

/** `emotion-gcn cache` */
export const cacheCommand = (): Command =>
  new Command('cache')
    .description(
      'show or clear what is kept for this user: graphics drivers, prepared faces, annotations as they were read, features of faces, fetched weights',
    )
    .option('--clear [NAME]', 'remove one entry, or all')
    .addHelpText('after', EXAMPLE)
    .action(({ clear }: { clear?: string | true }) => {
      const entries = cacheEntries();
      if (typeof clear === 'string' && !entries.some(({ name }) => name === clear)) {
        const names = entries.map(({ name }) => name).join(', ') || 'nothing';
        throw new InputError(`--clear expects one of the entries in ${cacheDir()}, found ${clear}; there is ${names}`);
      }
      const listed = clear === undefined ? entries : clearCache(clear === true ? undefined : clear);
      const rows = listed.map(({ name, bytes }) => [name, memory(bytes)]);
      const what = clear === undefined ? cacheDir() : `removed from ${cacheDir()}`;
      print(`${what}: ${rows.length > 0 ? `\n${formatTable(rows)}` : 'nothing'}`);
    });
