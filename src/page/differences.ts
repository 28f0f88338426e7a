// Settings of runs beside each other.

/** A line of the comparison: a value a run, null where it has none. */
export interface ComparedSetting {
  readonly name: string;
  readonly values: readonly (string | null)[];
  readonly differs: boolean;
}

/** Values below a name by their path: versions.node; lists and what is empty are values themselves. */
function flat(record: Readonly<Record<string, unknown>>, before = ''): [name: string, value: string][] {
  return Object.entries(record).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
      ? flat(value as Record<string, unknown>, `${before}${name}.`)
      : [[before + name, written(value)] as [string, string]],
  );
}

function written(value: unknown): string {
  if (Array.isArray(value)) return value.map(written).join(', ');
  if (value === null) return 'none';
  return typeof value === 'string'
    ? value
    : typeof value === 'boolean'
      ? value
        ? 'on'
        : 'off'
      : JSON.stringify(value);
}

/** Settings of some runs, those in which they differ first, otherwise in the order in which they come. */
export function compare(records: readonly Readonly<Record<string, unknown>>[]): ComparedSetting[] {
  const maps = records.map((record) => new Map(flat(record)));
  const names = [...new Set(maps.flatMap((map) => [...map.keys()]))];
  const settings = names.map((name) => {
    const values = maps.map((map) => map.get(name) ?? null);
    return { name, values, differs: values.some((value) => value !== values[0]) };
  });
  return [...settings.filter((s) => s.differs), ...settings.filter((s) => !s.differs)];
}
