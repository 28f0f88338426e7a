// Where the GPU's time went: the ops of the steps that were profiled.
import { useState } from 'preact/hooks';
import { percent, whole } from '../format';
import type { PageOp, PageRun } from '../protocol';
import { significant } from './figures';
import { total } from './measures';
import { Bar, SortHead, type Sorting, sorted, useRun } from './parts';
import type { View, ViewProps } from './view';

type Column = Exclude<keyof PageOp, 'share'>;

const hasProfile = ({ profile }: PageRun): boolean => profile !== null && profile.length > 0;

export const profile: View = {
  id: 'profile',
  title: 'Kernels',
  has: (runs) => runs.some(hasProfile),
  Component({ runs }: ViewProps) {
    const [sorting, sort] = useState<Sorting<Column>>({ by: 'milliseconds', down: true });
    const [run, control] = useRun(runs.filter(hasProfile));
    const ops = run.profile ?? [];
    const most = Math.max(...ops.map(({ share }) => share));
    const head = { sorting, sort };
    return (
      <>
        {control && <div class="tools">{control}</div>}
        <p class="muted">
          {significant(total(ops.map(({ milliseconds }) => milliseconds)))} ms on the GPU in{' '}
          {whole(total(ops.map(({ launches }) => launches)))} launches of {ops.length} ops.
        </p>
        <div class="wide">
          <table class="rows profile-table">
            <caption class="hidden">Ops of {run.name} and what they took</caption>
            <thead>
              <tr>
                <SortHead column="op" text="Op" first="up" number={false} {...head} />
                <SortHead column="milliseconds" text="Time, ms" {...head} />
                <th scope="col" class="number">
                  Share
                </th>
                <SortHead column="launches" text="Launches" {...head} />
                <SortHead column="gflops" text="GFLOP/s" {...head} />
                <SortHead column="gbps" text="GB/s" {...head} />
              </tr>
            </thead>
            <tbody>
              {sorted(ops, (op) => op[sorting.by], sorting.down).map((op) => (
                <tr key={op.op}>
                  <th scope="row" title={op.op}>
                    <span class="name">{op.op}</span>
                  </th>
                  <td class="number">{op.milliseconds.toFixed(op.milliseconds < 10 ? 2 : 1)}</td>
                  <td class="number share">
                    <Bar share={op.share / most} />
                    {percent(op.share)}
                  </td>
                  <td class="number">{whole(op.launches)}</td>
                  <td class="number">{significant(op.gflops)}</td>
                  <td class="number">{significant(op.gbps)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </>
    );
  },
};
