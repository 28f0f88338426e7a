// How runs stand.
import type { View } from './view';

export const summary: View = {
  id: 'summary',
  title: 'Summary',
  has: () => true,
  Component: ({ runs }) => (
    <>
      {runs.map((run) => (
        <section key={run.id}>
          <h2>{run.name}</h2>
          <p>
            {run.table.length} steps, {run.epochs.length} epochs
          </p>
        </section>
      ))}
    </>
  ),
};
