// What a view is. (VIEWS, in index.ts, has them all.)
import type { VNode } from 'preact';
import type { PageRun } from '../protocol';
import type { ShownRun } from '../state';

export interface ViewProps {
  /** The runs that are chosen, at least one; `paintOf` has each one's colour and dash. */
  readonly runs: readonly ShownRun[];
  /** The address of the picture of a row of `run.predictions`; null: there is none. */
  picture(run: PageRun, row: number): string | null;
}

export interface View {
  /** In addresses: #id. */
  readonly id: string;
  readonly title: string;
  /** Whether there is something to show. */
  has(runs: readonly ShownRun[]): boolean;
  Component(props: ViewProps): VNode;
}
