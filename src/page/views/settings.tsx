// Settings and origin of runs; what differs between them first.
import { useState } from 'preact/hooks';
import { type ComparedSetting, compare } from '../differences';
import { paintOf } from '../palette';
import type { ShownRun } from '../state';
import { Swatch } from '../swatch';
import type { View, ViewProps } from './view';

/** What differs in any two runs and says nothing of either, or only that settings differ: its own place, and their hash. */
const OWN: ReadonlySet<string> = new Set(['saved_model', 'settings']);

function Settings({ runs }: ViewProps) {
  const [wanted, setWanted] = useState('');
  // --batch-size finds batch_size.
  const plain = (text: string): string => text.toLowerCase().replaceAll('-', '_').trim();
  const told = (s: ComparedSetting): boolean => !OWN.has(s.name) && plain(s.name).includes(plain(wanted));
  const args = compare(runs.map((run) => run.args)).filter(told);
  const origin = compare(runs.map((run) => run.manifest ?? {})).filter(told);
  const parts: [title: string, settings: readonly ComparedSetting[]][] =
    runs.length === 1
      ? [
          ['Settings', args],
          ['Made by', origin],
        ]
      : [
          ['What differs', args.filter((s) => s.differs)],
          ['What differs in how they were made', origin.filter((s) => s.differs)],
          ['The same in all', args.filter((s) => !s.differs)],
          ['Made alike', origin.filter((s) => !s.differs)],
        ];
  const shown = parts.filter(([, settings]) => settings.length > 0);
  return (
    <>
      <div class="tools">
        <label>
          Find
          <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
      </div>
      {runs.length > 1 && !wanted && parts[0][1].length === 0 && <p>These runs have the same settings.</p>}
      {shown.map(([title, settings]) => (
        <Part key={title} title={title} settings={settings} runs={runs} />
      ))}
      {shown.length === 0 && <p class="muted">{wanted ? 'No setting is called so.' : 'No settings are known.'}</p>}
    </>
  );
}

function Part({
  title,
  settings,
  runs,
}: {
  title: string;
  settings: readonly ComparedSetting[];
  runs: readonly ShownRun[];
}) {
  // One column, where all say the same.
  const columns = settings.some((s) => s.differs) ? runs : runs.slice(0, 1);
  return (
    <section class="part">
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section class="sideways" aria-label={title} tabIndex={0}>
        <table class="settings">
          <thead class={columns.length > 1 ? '' : 'hidden'}>
            <tr>
              <th scope="col">Setting</th>
              {columns.map((run) => (
                <th key={run.id} scope="col">
                  <Swatch paint={paintOf(run)} /> {run.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {settings.map(({ name, values }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                {columns.map((run, i) => (
                  <td key={run.id}>{values[i] ?? '–'}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

export const settings: View = {
  id: 'settings',
  title: 'Settings',
  has: () => true,
  Component: (props) => <Settings {...props} />,
};
