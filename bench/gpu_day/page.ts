// The Markdown page of a day's results.
import type { Part, Ran, Result, Results, Row } from './results';

export function page(parts: readonly Part[], results: Results): string {
  const of = (part: Part): Result | undefined => results.parts[part.name];
  const rows = (name: string): Row[] => results.parts[name]?.commands.flatMap((c) => c.rows) ?? [];
  const adapter = rows('facts').find((r) => r.fact === 'adapter');
  const starts = results.starts.map(
    ({ at, minutes, from }) => `${at}, at most ${minutes} minutes${from === null ? '' : `, from ${from}`}`,
  );
  const states = parts.map((part) => {
    const r = of(part);
    return [part.name, part.title, r?.state ?? 'not begun', r ? r.seconds.toFixed(1) : '', whatOf(part, r)];
  });
  return [
    `# ${adapter?.name ?? 'An adapter'}: what was measured`,
    '',
    `emotion-gcn ${results.version}; ${starts.join('; ')}. Written by \`npm run gpu:day\`; results.json has all of it.`,
    '',
    ...table(['part', '', 'state', 's', ''], states),
    ...parts.flatMap((part) => section(part, of(part), rows('step'))),
    '',
  ].join('\n');
}

/** What a table's line says of a part. */
function whatOf({ name }: Part, result: Result | undefined): string {
  if (!result) return '';
  if (result.state === 'no time' && result.commands.length === 0)
    return `no time was left: \`--from ${name}\` takes it up`;
  const reasons = result.commands.flatMap((c) => (c.reason ? [c.reason] : []));
  return [...new Set(reasons)].join('; ');
}

/** @param step the rows of `step`, beside which predictions stand */
function section({ name, title }: Part, result: Result | undefined, step: readonly Row[]): string[] {
  if (!result || result.commands.length === 0) return [];
  const rows = result.commands.flatMap((c) => c.rows);
  return ['', `## ${title}`, '', ...rendered(name, rows, result.commands, step), ...troubles(result.commands)];
}

/** What a part has written, as its table shows it, or as it is where that cannot: a page must not end a day. */
function rendered(name: string, rows: readonly Row[], commands: readonly Ran[], step: readonly Row[]): string[] {
  try {
    return (TABLES[name] ?? plain)(rows, commands, step);
  } catch (error) {
    return [`(no table: ${(error as Error).message})`, '', ...plain(rows, commands, step)];
  }
}

/** What is no stack and none of the warnings that Dawn has for every adapter. */
export const spoken = (lines: readonly string[]): string[] =>
  lines.filter((line) => line.trim() !== '' && !/^\s+at |^ - While |^Warning:|^Node\.js v/.test(line));

/** What did not end well, with the last that it said. */
function troubles(commands: readonly Ran[]): string[] {
  return commands
    .filter((c) => c.reason !== undefined)
    .flatMap((c) => [
      '',
      `\`${c.label}\`: ${c.state}: ${c.reason}`,
      ...(c.state === 'failed' && spoken(c.lines).length > 0 ? ['', '```', ...spoken(c.lines).slice(-15), '```'] : []),
    ]);
}

type Cell = unknown;

const text = (cell: Cell): string => {
  if (cell === null || cell === undefined) return '';
  if (typeof cell !== 'number') return String(cell).replaceAll('|', '\\|').replaceAll('\n', ' ');
  return Number.isInteger(cell) ? String(cell) : cell.toPrecision(cell >= 1000 ? 5 : 3).replace(/e\+?/, 'e');
};

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string[] {
  const line = (cells: readonly Cell[]): string => `| ${cells.map(text).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}

const num = (row: Row, key: string): number | null => (typeof row[key] === 'number' ? (row[key] as number) : null);
const mib = (row: Row, key: string): string =>
  num(row, key) === null ? '' : ((num(row, key) as number) / 2 ** 20).toFixed(0);
const percent = (row: Row, key: string): string =>
  num(row, key) === null ? '' : `${(100 * (num(row, key) as number)).toFixed(1)} %`;
const str = (row: Row, key: string): string => String(row[key] ?? '');

type Render = (rows: readonly Row[], commands: readonly Ran[], step: readonly Row[]) => string[];

/** Rows of a shape that has no table of its own. */
const plain: Render = (rows, commands) =>
  rows.length > 0
    ? ['```', ...rows.map((r) => JSON.stringify(r)), '```']
    : commands.flatMap((c) => ['```', ...spoken(c.lines).slice(-5), '```']);

const TABLES: Readonly<Record<string, Render>> = {
  facts(rows) {
    const lines: (readonly Cell[])[] = [];
    for (const { fact, ...of } of rows) {
      if (fact === 'check')
        lines.push([
          String(of.name),
          of.error === 0
            ? `right${of.gflops ? `, ${text(of.gflops as number)} GFLOP/s` : ''}`
            : `WRONG, off by ${of.error}`,
        ]);
      else
        for (const [key, value] of Object.entries(of))
          lines.push([key, value !== null && typeof value === 'object' ? listed(value) : (value as Cell)]);
    }
    return table(['', ''], lines);
  },
  goldens: (_, commands) =>
    commands.flatMap((c) => [
      `- \`${c.label}\`: ${c.lines.findLast((l) => / passed, /.test(l)) ?? `${c.lines.filter((l) => / passed$/.test(l)).length} passed so far`}`,
      ...c.lines.filter((l) => /FAILED/.test(l)).map((l) => `  - \`${l.replace(/\s+/g, ' ')}\``),
    ]),
  kernels: (rows) =>
    table(
      ['work', 'ms', 'GFLOP/s', 'GB/s', 'of bound'],
      rows.map((r) => [str(r, 'work'), num(r, 'ms'), num(r, 'gflops'), num(r, 'gbps'), percent(r, 'share')]),
    ),
  step: (rows) => [
    ...table(
      [
        'work',
        'as',
        'ms',
        'images/s',
        'GFLOP/s',
        'GPU ms',
        'GPU idle',
        'JavaScript ms',
        'launches',
        'peak MiB',
        'planned MiB',
        '',
      ],
      rows.map((r) => [
        ...[
          str(r, 'work'),
          str(r, 'precision'),
          num(r, 'ms'),
          num(r, 'images_per_s'),
          num(r, 'gflops'),
          num(r, 'gpu_ms'),
        ],
        ...[
          percent(r, 'gpu_idle'),
          num(r, 'javascript_ms'),
          num(r, 'launches'),
          mib(r, 'peak_bytes'),
          mib(r, 'planned_bytes'),
        ],
        str(r, 'left_out'),
      ]),
    ),
    ...rows.slice(0, 2).flatMap(opsOf),
  ],
  tuner: (rows) => [
    ...table(
      ['work', 'as', 'kinds', 'measured', 'faster than the rule', 'by rule ms', 'tuned ms', 'ratio', ''],
      rows.map((r) => [
        ...[str(r, 'work'), str(r, 'precision'), num(r, 'classes'), num(r, 'measured'), num(r, 'better')],
        ...[num(r, 'by_rule_ms'), num(r, 'tuned_ms'), num(r, 'ratio'), str(r, 'left_out')],
      ]),
    ),
    ...rows
      .filter((r) => r.tiles)
      .flatMap((r) => [
        '',
        `${str(r, 'precision')}:`,
        '',
        ...table(['kind', 'tile'], Object.entries((r.tiles ?? {}) as Record<string, string>)),
      ]),
  ],
  torch: (rows) =>
    table(
      ['work', 'peer', 'on', 'ours', 'ours ms', 'its ms', 'ratio', 'ours MiB', 'its MiB', ''],
      rows.map((r) => [
        ...[str(r, 'work'), str(r, 'peer'), [str(r, 'engine'), str(r, 'on')].join(' '), str(r, 'precision')],
        ...[
          num(r, 'ours_ms'),
          num(r, 'peer_ms'),
          num(r, 'ratio'),
          mib(r, 'ours_bytes'),
          mib(r, 'peer_bytes'),
          str(r, 'left_out'),
        ],
      ]),
    ),
  feed: (rows) =>
    table(
      ['work', 'faces', 'steps', 'ms a step', 'images/s', 'GPU idle'],
      rows.map((r) => [
        ...[
          str(r, 'work'),
          str(r, 'faces'),
          num(r, 'steps'),
          num(r, 'step_ms'),
          num(r, 'images_per_s'),
          percent(r, 'gpu_idle'),
        ],
      ]),
    ),
  predict(rows, _, step) {
    type Times = { work: number; gpu: number; host: number; step: number };
    return table(
      [
        'work',
        'as',
        'on',
        'arithmetic and memory ms',
        'GPU ms',
        'CPU ms',
        'step ms',
        'measured GPU ms',
        'measured step ms',
      ],
      rows.flatMap((r) => {
        const own = step.find((s) => s.work === r.work && s.precision === r.precision) ?? {};
        return Object.entries((r.gpus ?? {}) as Record<string, Times>).map(([name, t]) => [
          ...[str(r, 'work'), str(r, 'precision'), name, t.work, t.gpu, t.host, t.step],
          ...[num(own, 'gpu_ms'), num(own, 'ms')],
        ]);
      }),
    );
  },
  startup: (rows) =>
    table(
      ['work', 'ms to the first step', 'a steady step', 'done at (ms)'],
      rows.map((r) => [str(r, 'work'), num(r, 'ms'), num(r, 'steady_step_ms'), listed((r.done_at_ms ?? {}) as object)]),
    ),
  flat: (rows) =>
    rows.flatMap((r) => [
      `${str(r, 'work')}: ${str(r, 'steps')} of ${str(r, 'wanted')} steps, ${text(num(r, 'ms_a_step'))} ms each; ${(r.grown as string[]).join('; ') || 'flat'}.`,
      '',
      ...table(
        ['step', 'process MiB', 'heap MiB', 'device MiB', 'buffers', 'bind groups', 'pipelines'],
        (r.samples as Row[]).map((s) => [
          ...[num(s, 'step'), mib(s, 'rss'), mib(s, 'heap'), mib(s, 'held')],
          ...[num(s, 'buffers'), num(s, 'bindGroups'), num(s, 'pipelines')],
        ]),
      ),
    ]),
};

/** Where a step's time goes. */
const opsOf = (row: Row): string[] =>
  Array.isArray(row.ops) && row.ops.length > 0
    ? [
        '',
        `${str(row, 'work')}, ${str(row, 'precision')}:`,
        '',
        ...table(
          ['op', 'launches', 'ms', 'share', 'GFLOP/s', 'GB/s'],
          (row.ops as Row[]).map((o) => [
            ...[str(o, 'op'), num(o, 'launches'), num(o, 'milliseconds'), percent(o, 'share')],
            ...[num(o, 'gflops'), num(o, 'gbps')],
          ]),
        ),
      ]
    : [];

/** An object in a cell. */
const listed = (of: object): string =>
  Array.isArray(of)
    ? of.join(', ')
    : Object.entries(of)
        .map(([k, v]) => `${k} ${typeof v === 'number' && !Number.isInteger(v) ? v.toFixed(1) : v}`)
        .join(', ');
