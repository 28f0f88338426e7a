// Whether a network is right as often as it says: how often it is right where it is so sure, and how often it is so sure.
import { percent, whole } from '../format';
import type { PageRun } from '../protocol';
import { type Bin, figureOf, reliabilityOf, total } from './measures';
import { useWidth } from './parts';
import type { View, ViewProps } from './view';

export const reliability: View = {
  id: 'reliability',
  title: 'Reliability',
  has: (runs) => runs.some((run) => reliabilityOf(run) !== null),
  Component({ runs }: ViewProps) {
    const known = runs.flatMap((run) => {
      const bins = reliabilityOf(run);
      return bins ? [{ run, bins }] : [];
    });
    return (
      <>
        <p class="lead">
          A network that says 80 % should be right 80 times of 100: bars then end on the line. Bars below it are too
          sure.
        </p>
        {known.map(({ run, bins }) => (
          <OfRun key={run.id} run={run} bins={bins} named={known.length > 1} />
        ))}
      </>
    );
  },
};

const LEFT = 44;
const TOP = 8;
/** Height of the bars that tell how often it is so sure. */
const LOW = 56;
const GAP = 16;

function OfRun({
  run,
  bins,
  named,
}: {
  readonly run: PageRun;
  readonly bins: readonly Bin[];
  readonly named: boolean;
}) {
  const [ref, width] = useWidth<HTMLDivElement>();
  const ece = figureOf(run, 'ece');
  const side = Math.max(160, Math.min(440, width) - LEFT - 8);
  const samples = total(bins.map((bin) => bin.samples));
  const most = Math.max(1, ...bins.map((bin) => bin.samples));
  const x = (share: number): number => LEFT + side * share;
  const y = (share: number): number => TOP + side * (1 - share);
  const floor = TOP + side + GAP + LOW;
  return (
    <section class="of-run">
      {named && <h2 class="name">{run.name}</h2>}
      <p class="muted">
        {ece === null ? 'Calibration error not known' : `Expected calibration error ${percent(ece)}`}, {whole(samples)}{' '}
        samples
      </p>
      <div class="split">
        <div class="reliability" ref={ref}>
          <svg
            width={LEFT + side + 8}
            height={floor + 44}
            role="img"
            aria-label={`Reliability diagram of ${run.name}; the table has its numbers`}
          >
            {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
              <g key={tick}>
                <line class="grid" x1={x(0)} x2={x(1)} y1={y(tick)} y2={y(tick)} />
                <text class="tick" x={LEFT - 8} y={y(tick) + 4} text-anchor="end">
                  {100 * tick}
                </text>
                <text class="tick" x={x(tick)} y={floor + 18} text-anchor={tick === 1 ? 'end' : 'middle'}>
                  {tick === 1 ? '100 %' : 100 * tick}
                </text>
              </g>
            ))}
            {bins.map(({ from, to, samples: n, accuracy, confidence }) => (
              <g key={from}>
                {accuracy !== null && (
                  <rect
                    class="right"
                    x={x(from) + 1}
                    width={Math.max(1, side * (to - from) - 2)}
                    y={y(accuracy)}
                    height={side * accuracy}
                  />
                )}
                {accuracy !== null && confidence !== null && (
                  <line
                    class={confidence > accuracy ? 'over' : 'under'}
                    x1={x((from + to) / 2)}
                    x2={x((from + to) / 2)}
                    y1={y(accuracy)}
                    y2={y(confidence)}
                  />
                )}
                <rect
                  class="often"
                  x={x(from) + 1}
                  width={Math.max(1, side * (to - from) - 2)}
                  y={floor - (LOW * n) / most}
                  height={(LOW * n) / most}
                />
              </g>
            ))}
            <line class="ideal" x1={x(0)} y1={y(0)} x2={x(1)} y2={y(1)} />
            <line class="axis" x1={x(0)} x2={x(1)} y1={floor} y2={floor} />
            <text class="axis-name" x={x(0.5)} y={floor + 38} text-anchor="middle">
              how sure it says it is
            </text>
            <text class="axis-name" transform={`translate(12 ${y(0.5)}) rotate(-90)`} text-anchor="middle">
              how often it is right, %
            </text>
            <text class="tick" x={x(0) + 4} y={TOP + side + GAP + 8}>
              samples
            </text>
          </svg>
        </div>
        <div class="wide">
          <table class="rows">
            <caption class="hidden">Reliability of {run.name}</caption>
            <thead>
              <tr>
                <th scope="col">Sure, from – to</th>
                <th scope="col" class="number">
                  Samples
                </th>
                <th scope="col" class="number">
                  Says
                </th>
                <th scope="col" class="number">
                  Is right
                </th>
              </tr>
            </thead>
            <tbody>
              {bins
                .filter((bin) => bin.samples > 0)
                .map((bin) => (
                  <tr key={bin.from}>
                    <th scope="row">
                      {percent(bin.from, 0)} – {percent(bin.to, 0)}
                    </th>
                    <td class="number">{whole(bin.samples)}</td>
                    <td class="number">{bin.confidence === null ? '–' : percent(bin.confidence)}</td>
                    <td class="number">{bin.accuracy === null ? '–' : percent(bin.accuracy)}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      </div>
    </section>
  );
}
