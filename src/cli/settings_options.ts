import { type Command, Option } from 'commander';
import { InputError } from '../base/errors';
import type { Setting } from '../train/settings/settings';

type AnySettings = Readonly<Record<string, Setting<unknown>>>;

/**
 * Gives a command one option for each setting. Values stay texts: the settings' own kinds read and check them.
 * @param heading what the help has them under; default: its options
 */
export function addSettings(command: Command, settings: AnySettings, heading = 'Options:'): Command {
  for (const [name, { kind, help, default: preset }] of Object.entries(settings)) {
    const shown = typeof preset === 'boolean' ? (preset ? 'on' : 'off') : preset;
    const remark = shown === undefined ? ' (required)' : shown === null ? '' : ` (default: ${shown})`;
    command.addOption(new Option(`--${name} <${kind.placeholder}>`, help + remark).helpGroup(heading));
  }
  return command;
}

/** As `addSettings`, under a heading a theme. */
export function addSettingsByTheme(command: Command, themes: Readonly<Record<string, AnySettings>>): Command {
  for (const [theme, settings] of Object.entries(themes)) addSettings(command, settings, `${theme}:`);
  return command;
}

/** @throws InputError where the value of a flag was forgotten, so that the next flag stands in its place */
export function checkValues(command: Command, args: readonly string[]): void {
  for (const [i, flag] of args.entries()) {
    const value = args[i + 1];
    if (value?.startsWith('--') && command.options.some(({ long, required }) => long === flag && required)) {
      throw new InputError(`${flag} expects a value, found the flag ${value}`);
    }
  }
}
