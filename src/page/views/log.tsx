// run.log: what was set up, left out and said, the latest at the end.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { View, ViewProps } from './view';

function Log({ runs }: ViewProps) {
  const [id, setId] = useState(runs[0].id);
  const run = runs.find((run) => run.id === id) ?? runs[0];
  const [wanted, setWanted] = useState('');
  const [follow, setFollow] = useState(true);
  const pane = useRef<HTMLElement>(null);
  const words = wanted.toLowerCase().trim();
  const lines = words ? run.log.filter((line) => line.toLowerCase().includes(words)) : run.log;

  useLayoutEffect(() => {
    if (follow && pane.current) pane.current.scrollTop = pane.current.scrollHeight;
  }, [lines, follow]);
  // Who scrolls up wants to read.
  const scrolled = (): void => {
    const { scrollTop, clientHeight, scrollHeight } = pane.current!;
    setFollow(scrollTop + clientHeight > scrollHeight - 8);
  };

  return (
    <>
      <div class="tools">
        {runs.length > 1 && (
          <label>
            Run
            <select value={run.id} onChange={(event) => setId(event.currentTarget.value)}>
              {runs.map((run) => (
                <option key={run.id} value={run.id}>
                  {run.name}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          Find
          <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
        <label>
          <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
          Follow
        </label>
        <span class="muted" role="status">
          {words ? `${lines.length} of ${run.log.length} lines` : `${run.log.length} lines`}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section ref={pane} class="log mono" aria-label={`Log of ${run.name}`} tabIndex={0} onScroll={scrolled}>
        {lines.map((line, i) => (
          <div key={i}>{words ? marked(line, words) : line}</div>
        ))}
      </section>
    </>
  );
}

/** A line with what was looked for marked. */
function marked(line: string, words: string) {
  const at = line.toLowerCase().indexOf(words);
  return (
    <>
      {line.slice(0, at)}
      <mark>{line.slice(at, at + words.length)}</mark>
      {line.slice(at + words.length)}
    </>
  );
}

export const log: View = {
  id: 'log',
  title: 'Log',
  has: (runs) => runs.some((run) => run.log.length > 0),
  Component: (props) => <Log {...props} />,
};
