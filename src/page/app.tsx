// The frame around every view: which runs are shown, which view, light or dark, and how the connection stands.
import { useEffect, useErrorBoundary, useMemo, useRef, useState } from 'preact/hooks';
import { type Connection, follow } from './live';
import { paintOf } from './palette';
import type { PageRun, PageSource } from './protocol';
import { type ShownRun, shown } from './state';
import { Swatch } from './swatch';
import { ThemeButton } from './theme';
import { VIEWS } from './views';
import type { View, ViewProps } from './views/view';

/** What site.js is to the page: it draws into `root` and stays. */
export interface SiteModule {
  mount(root: HTMLElement): void;
}

/** Runs that are chosen at first. */
const FIRST = 8;

export function App({ source }: { source: PageSource }) {
  const Body = { live: Live, report: Report, site: Site }[source.kind] as (props: {
    source: PageSource;
  }) => preact.VNode;
  return <Body source={source} />;
}

function Live({ source }: { source: PageSource }) {
  const [{ runs, connection }, tell] = useState<{ runs: readonly ShownRun[] | null; connection: Connection }>({
    runs: null,
    connection: 'connecting',
  });
  useEffect(() => follow((runs, connection) => tell({ runs, connection })), []);
  return <Runs source={source} runs={runs} connection={connection} />;
}

function Report({ source }: { source: Extract<PageSource, { kind: 'report' }> }) {
  const runs = useMemo(() => source.runs.map(shown), [source]);
  return <Runs source={source} runs={runs} connection={null} />;
}

function Site({ source }: { source: PageSource }) {
  const main = useRef<HTMLElement>(null);
  const [wrong, setWrong] = useState('');
  useEffect(() => {
    // Not a literal: it is built by itself, and asked for here alone.
    const file = './site.js';
    import(file).then(
      (site: SiteModule) => main.current && site.mount(main.current),
      (error: unknown) => setWrong(`site.js beside this page could not be loaded: ${error}`),
    );
  }, []);
  return (
    <div class="site">
      <Bar source={source} connection={null} />
      <main ref={main}>{wrong && <p role="alert">{wrong}</p>}</main>
    </div>
  );
}

function Runs({
  source,
  runs,
  connection,
}: {
  source: PageSource;
  runs: readonly ShownRun[] | null;
  connection: Connection | null;
}) {
  const [hidden, setHidden] = useState<ReadonlySet<string> | null>(null);
  const off = hidden ?? new Set(runs?.slice(FIRST).map((run) => run.id));
  const chosen = (runs ?? []).filter((run) => !off.has(run.id));
  const main = useRef<HTMLElement>(null);
  const views = VIEWS.filter((view) => isThere(view, chosen));
  const view = useView(views);
  const title = runs?.length === 1 ? runs[0].name : 'Runs';
  useEffect(() => {
    document.title = `${title} · ${view?.title ?? 'emotion-gcn'}`;
  }, [title, view]);

  const choose = (id: string, on: boolean): void => {
    const next = new Set(off);
    if (on) next.delete(id);
    else next.add(id);
    setHidden(next);
  };
  const token = source.kind === 'live' ? new URLSearchParams(location.search).get('token') : null;
  const picture = (run: PageRun, row: number): string | null =>
    run.pictures?.[row] ??
    (token === null ? null : `picture/${encodeURIComponent(run.id)}/${row}?token=${encodeURIComponent(token)}`);

  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to content
      </button>
      <Bar source={source} connection={connection} />
      <div class="frame">
        <div class="side">
          {runs && runs.length > 1 && (
            <details class="runs" open={innerWidth > 900}>
              <summary>
                Runs <span class="muted">{`${chosen.length} of ${runs.length}`}</span>
              </summary>
              <ul>
                {runs.map((run) => (
                  <li key={run.id}>
                    <label>
                      <input
                        type="checkbox"
                        checked={!off.has(run.id)}
                        onChange={(event) => choose(run.id, event.currentTarget.checked)}
                      />
                      <Swatch paint={paintOf(run)} />
                      <span class="name" title={run.name}>
                        {run.name}
                      </span>
                      {run.running && <span class="dot" role="img" aria-label="running" title="running" />}
                    </label>
                  </li>
                ))}
              </ul>
            </details>
          )}
          <nav aria-label="Views">
            <ul>
              {views.map(({ id, title }) => (
                <li key={id}>
                  <a href={`#${id}`} aria-current={id === view?.id ? 'page' : undefined}>
                    {title}
                  </a>
                </li>
              ))}
            </ul>
          </nav>
        </div>
        <main ref={main} tabIndex={-1}>
          <Problems runs={chosen} named={(runs?.length ?? 0) > 1} />
          {runs === null ? (
            <p class="empty">{connection === 'refused' ? REFUSED : 'Waiting for the program …'}</p>
          ) : runs.length === 0 ? (
            <p class="empty">No run here yet.</p>
          ) : chosen.length === 0 ? (
            <p class="empty">No run is chosen.</p>
          ) : (
            view && (
              <>
                <h1>{view.title}</h1>
                <Guarded key={view.id} view={view} runs={chosen} picture={picture} />
              </>
            )
          )}
        </main>
      </div>
    </>
  );
}

/** Whether a view is offered. One that stumbles over a run is: it says so when it is opened. */
function isThere(view: View, runs: readonly ShownRun[]): boolean {
  try {
    return view.has(runs);
  } catch {
    return true;
  }
}

/** A view; what it stumbles over is said, and the rest of the page stays. */
function Guarded({ view, ...props }: ViewProps & { readonly view: View }) {
  const [error, retry] = useErrorBoundary();
  return error ? (
    <div role="alert">
      <p>This view could not be drawn: {String(error)}</p>
      <button type="button" onClick={retry}>
        Try again
      </button>
    </div>
  ) : (
    <view.Component {...props} />
  );
}

const REFUSED = 'The program does not take this link’s token: open the link that it printed when it started.';

const WORDS: Record<Connection, string> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, trying again',
  ended: 'The program has ended',
  refused: 'Refused',
};

function Bar({ source, connection }: { source: PageSource; connection: Connection | null }) {
  return (
    <header class="bar">
      <strong class="brand">emotion-gcn</strong>
      <span class="state" data-state={connection ?? 'none'} role="status">
        {connection ? WORDS[connection] : source.kind === 'report' ? `Report of ${source.made.slice(0, 10)}` : ''}
      </span>
      <span class="version">{source.version}</span>
      <ThemeButton />
    </header>
  );
}

/** What is wrong with runs' folders. */
function Problems({ runs, named }: { runs: readonly PageRun[]; named: boolean }) {
  const wrong = runs.filter((run) => run.problems.length > 0);
  if (wrong.length === 0) return null;
  const count = wrong.reduce((sum, run) => sum + run.problems.length, 0);
  return (
    <details class="problems" open={count <= 3}>
      <summary>{count === 1 ? 'One thing could not be read' : `${count} things could not be read`}</summary>
      <ul>
        {wrong.flatMap((run) =>
          run.problems.map((line) => (
            <li key={`${run.id} ${line}`}>
              {named && <b>{run.name}: </b>}
              {line}
            </li>
          )),
        )}
      </ul>
    </details>
  );
}

/** The view that the address names; else the first. */
function useView(views: readonly View[]): View | undefined {
  const [id, setId] = useState(named);
  useEffect(() => {
    const read = (): void => setId(named());
    addEventListener('hashchange', read);
    return () => removeEventListener('hashchange', read);
  }, []);
  return views.find((view) => view.id === id) ?? views[0];
}

/** `#gallery?run=r0`: what stands behind the question mark is the view's own. */
const named = (): string => location.hash.slice(1).split('?')[0];
