// Settings of a program run: what kinds of values there are, and how a text or a value of unknown origin becomes one.
import { resolve } from 'node:path';
import { InputError } from '../../base/errors';

/** A kind of value. */
export interface Kind<T> {
  /** How the help calls it: `N`, `DIR`, `on|off`. */
  placeholder: string;
  /** Completes "--epochs expects ...". */
  expected: string;
  /** The value of a text (from a command line) or of a typed value (from a script); undefined if it is not of this kind. */
  read(value: unknown): T | undefined;
  /** Of a path: the words that may stand in its place. */
  words?: readonly string[];
}

/** One setting: its kind, what it is for, and its default; without a default it must be given. */
export interface Setting<T> {
  kind: Kind<T>;
  help: string;
  default?: T;
}

/** A setting for every member of T. */
export type Settings<T> = { readonly [K in keyof T]-?: Setting<T[K]> };

/** T where null may stand for what suits the other settings. */
export type OrNull<T, K extends keyof T> = Omit<T, K> & { [P in K]: T[P] | null };

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;

const numberOf = (value: unknown): number | undefined => {
  const n = typeof value === 'string' && NUMBER.test(value) ? Number(value) : value;
  return typeof n === 'number' && Number.isFinite(n) ? n : undefined;
};

/** A whole number from `least` to `most`. */
export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> {
  return {
    placeholder: 'N',
    expected:
      most === Number.MAX_SAFE_INTEGER ? `a whole number from ${least}` : `a whole number from ${least} to ${most}`,
    read: (value) => {
      const n = numberOf(value);
      return n !== undefined && Number.isInteger(n) && n >= least && n <= most ? n : undefined;
    },
  };
}

/** A number from `least` to `most`, or above `least` if `least` itself is `excluded`. */
export function real(least: number, { most = Number.POSITIVE_INFINITY, excluded = false } = {}): Kind<number> {
  return {
    placeholder: 'X',
    expected: `a number ${excluded ? 'above' : 'from'} ${least}${most < Number.POSITIVE_INFINITY ? `${excluded ? ', at most' : ' to'} ${most}` : ''}`,
    read: (value) => {
      const n = numberOf(value);
      return n !== undefined && (excluded ? n > least : n >= least) && n <= most ? n : undefined;
    },
  };
}

/** Two numbers from 0 to below 1: `0.9,0.999`, or one after the other. */
export const shares: Kind<readonly [number, number]> = {
  placeholder: 'X...',
  expected: 'two numbers from 0 to below 1, as 0.9,0.999',
  read: (value) => {
    const items = (Array.isArray(value) ? value : [value]).flatMap((v) =>
      typeof v === 'string' ? v.split(/[\s,]+/) : [v],
    );
    const [a, b] = items.map(numberOf);
    const good = (n: number | undefined): n is number => n !== undefined && n >= 0 && n < 1;
    return items.length === 2 && good(a) && good(b) ? [a, b] : undefined;
  },
};

/** One of a few words. */
export function choice<const T extends string>(...words: readonly T[]): Kind<T> {
  return {
    placeholder: 'NAME',
    expected: `one of ${words.join(', ')}`,
    read: (value) => words.find((word) => word === value),
  };
}

/** `on` or `off`, true or false. */
export const toggle: Kind<boolean> = {
  placeholder: 'on|off',
  expected: 'on or off',
  read: (value) => {
    if (value === 'on' || value === true) return true;
    return value === 'off' || value === false ? false : undefined;
  },
};

/** From `least` to `most` names with commas between, or a list of them; `isGood` judges them all. */
export function names(
  least: number,
  most: number,
  expected: string,
  isGood: (names: readonly string[]) => boolean,
): Kind<readonly string[]> {
  return {
    placeholder: 'NAME,...',
    expected: `${least} to ${most} ${expected}`,
    read: (value) => {
      const list: unknown[] = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : [value].flat();
      const read = list.filter((name) => typeof name === 'string' && name !== '') as string[];
      return read.length === list.length && read.length >= least && read.length <= most && isGood(read)
        ? read
        : undefined;
    },
  };
}

/** Any text that is not empty. */
export function text(placeholder: string, expected: string): Kind<string> {
  return { placeholder, expected, read: (value) => (typeof value === 'string' && value !== '' ? value : undefined) };
}

/** The path of `what`, or one of a few words. */
export function path(placeholder: string, what: string, ...words: readonly string[]): Kind<string> {
  return { ...text(placeholder, [`the path of ${what}`, ...words].join(', or ')), words };
}

/** A value of another kind, or null for none. */
export function orNone<T>(kind: Kind<T>): Kind<T | null> {
  return { ...kind, read: (value) => (value === null ? null : kind.read(value)) };
}

/**
 * The settings in `given`, checked, with defaults for those that it lacks (or that are undefined).
 * @throws InputError for a name that is no setting, for settings that are missing, for a value of another kind
 */
export function readSettings<T>(settings: Settings<T>, given: Readonly<Record<string, unknown>>): T {
  const names = Object.keys(settings) as (keyof T & string)[];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(settings, name))
      throw new InputError(`unknown setting ${show(name).slice(1, -1)}; there are ${names.join(', ')}`);
  }
  const missing = names.filter((name) => given[name] === undefined && settings[name].default === undefined);
  if (missing.length > 0) {
    const flags = missing.map((name) => `--${name} ${settings[name].kind.placeholder}`);
    throw new InputError(`missing: ${flags.join(', ')}`);
  }
  return Object.fromEntries(names.map((name) => [name, readSetting(settings, name, given[name])])) as T;
}

/** The values, with absolute paths. */
export function resolvePaths<T extends object, U extends T>(settings: Settings<T>, values: U): U {
  const absolute = Object.entries(values).map(([name, value]) => {
    const { words } = settings[name as keyof T].kind;
    return [name, words && value !== null && !words.includes(value) ? resolve(value) : value];
  });
  return Object.fromEntries(absolute) as U;
}

function readSetting<T, K extends keyof T & string>(settings: Settings<T>, name: K, value: unknown): T[K] {
  const setting = settings[name];
  if (value === undefined) return setting.default as T[K];
  const read = setting.kind.read(value);
  if (read === undefined) {
    throw new InputError(`--${name} expects ${setting.kind.expected}, found ${show(value)}`);
  }
  return read;
}

/** A value, of a file perhaps, cut to a readable length. */
function show(value: unknown): string {
  const isPlain = Array.isArray(value) ? value.every((v) => typeof v !== 'object') : typeof value === 'number';
  const text = isPlain ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
