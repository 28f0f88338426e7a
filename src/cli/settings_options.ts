import { type Command, Option } from 'commander';
import { InputError } from '../base/errors';
import type { Settings } from '../train/settings/settings';

/** Gives a command one option for each setting. Values stay texts: the settings' own kinds read and check them. */
export function addSettings<T>(command: Command, settings: Settings<T>): Command {
  for (const name of Object.keys(settings) as (keyof T & string)[]) command.addOption(optionOf(settings, name));
  return command;
}

/** The settings of each theme, by the heading that the help has them under. */
export type Themes<T> = Readonly<Record<string, readonly (keyof T & string)[]>>;

/** As `addSettings`, by theme. */
export function addSettingsByTheme<T>(command: Command, settings: Settings<T>, themes: Themes<T>): Command {
  for (const [theme, names] of Object.entries(themes))
    for (const name of names) command.addOption(optionOf(settings, name).helpGroup(`${theme}:`));
  return command;
}

function optionOf<T>(settings: Settings<T>, name: keyof T & string): Option {
  const { kind, help, default: preset } = settings[name];
  const shown = typeof preset === 'boolean' ? (preset ? 'on' : 'off') : preset;
  const remark = shown === undefined ? ' (required)' : shown === null ? '' : ` (default: ${shown})`;
  return new Option(`--${name} <${kind.placeholder}>`, help + remark);
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
