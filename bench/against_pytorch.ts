// npm run bench:against-pytorch [-- --faces DIR] [--fixtures DIR] [--out FILE.png] [--json]
// The same training here and in PyTorch, loss for loss, on real photographs: same start, same order, no augmentation.
// FIXTURES are files of test/golden/real_faces.py (they belong to photographs and are not in this repository): losses in float64 and
// of two float32 runs. Exit 1 if a step leaves the band.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InputError } from '../src/base/errors';
import { openDevice } from '../src/device/node';
import { BLUE, draw, heading, INK, legendName, ORANGE } from '../src/train/reports/charts/canvas';
import { Fixture } from '../test/goldens/fixture';
import { lossesOnPhotographs } from '../test/goldens/real_faces';

/** Within how many times the deviation of PyTorch's own float32 so far, and a floor: docs/numerics.md. */
const [TIMES, FLOOR] = [10, 3e-6];
/** Two float32 programs that train DenseNet part after so many steps; from then on the mean over all is compared. */
const SHARP_STEPS = 2;
const MEAN_LIMIT = 0.02;

interface Comparison {
  readonly work: string;
  /** Total loss a step: in float64, here, and how far a step may be from the former. */
  readonly reference: number[];
  readonly ours: number[];
  /** The larger deviation of PyTorch's two float32 runs, at this step and so far. */
  readonly own: number[];
  readonly band: number[];
  /** Steps that are held to the band. */
  readonly sharp: number;
}

function compare(fixture: Fixture, history: readonly number[][]): Comparison {
  const columns = fixture.needed<string[]>('columns').length;
  const column = (name: string): number[] => history.map((_, s) => fixture.numbers(name)[s * columns]);
  const reference = column('losses.f64ref');
  const floats = ['losses.f32', 'losses.f32_alt'].map(column);
  const own = reference.map((v, s) => Math.max(...floats.map((f) => Math.abs(f[s] - v))));
  const band = own.map((_, s) => TIMES * Math.max(...own.slice(0, s + 1)) + FLOOR);
  const network = fixture.needed<string>('network');
  const work = `emotion_gcn ${network} ${fixture.number('input_size')} b${fixture.number('batch')} lr ${fixture.meta.lr}`;
  const sharp = network === 'densenet' ? SHARP_STEPS : history.length;
  return { work, reference, ours: history.map((row) => row[0]), own, band, sharp };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

/** What is held against a comparison; empty: nothing. */
function faults({ reference, ours, band, sharp }: Comparison): string[] {
  const wrong = ours.flatMap((v, s) =>
    s < sharp && Math.abs(v - reference[s]) > band[s]
      ? [`step ${s}: ${Math.abs(v - reference[s]).toExponential(1)} off, at most ${band[s].toExponential(1)}`]
      : [],
  );
  const off = Math.abs(mean(ours) / mean(reference) - 1);
  return off > MEAN_LIMIT ? [...wrong, `mean loss ${(100 * off).toFixed(2)} % off`] : wrong;
}

function print(c: Comparison): void {
  console.log(
    `\n${c.work}\n${['step', 'PyTorch f64', 'ours', 'off', 'PyTorch f32 off'].map((t) => t.padStart(16)).join('')}`,
  );
  c.reference.forEach((v, s) => {
    const cells = [
      s,
      v.toFixed(6),
      c.ours[s].toFixed(6),
      Math.abs(c.ours[s] - v).toExponential(1),
      c.own[s].toExponential(1),
    ];
    console.log(cells.map((t) => String(t).padStart(16)).join(''));
  });
  const [a, b] = [mean(c.ours), mean(c.reference)];
  console.log(`mean ${a.toFixed(4)}, in PyTorch ${b.toFixed(4)}: ${(100 * (a / b - 1)).toFixed(2)} %`);
  console.log(faults(c).join('\n') || `within the band (${TIMES} times PyTorch's own) in the first ${c.sharp} steps`);
}

/** Losses above, deviations from float64 below. */
async function picture(comparisons: readonly Comparison[]): Promise<Buffer> {
  const [wide, high, left, top] = [400, 220, 70, 72];
  const panels = comparisons.flatMap((c, i) => {
    const at = (row: number) => ({ left: left + i * (wide + 40), top: top + row * (high + 80) });
    const steps = (values: readonly number[]) => values.map((v, s) => [s + 1, Math.max(v, 1e-8)]);
    return [
      {
        at: at(0),
        title: c.work,
        type: 'value',
        tick: (v: number) => v.toFixed(1),
        curves: [
          { name: 'PyTorch, float64', color: ORANGE, width: 6, data: steps(c.reference) },
          { name: 'emotion-gcn', color: BLUE, width: 2, data: steps(c.ours) },
        ],
      },
      {
        at: at(1),
        title: 'distance of the loss from float64',
        type: 'log',
        tick: (v: number) => v.toExponential(0),
        curves: [
          { name: 'PyTorch, float32', color: ORANGE, width: 2, data: steps(c.own) },
          {
            name: 'emotion-gcn',
            color: BLUE,
            width: 2,
            data: steps(c.ours.map((v, s) => Math.abs(v - c.reference[s]))),
          },
        ],
      },
    ];
  });
  const { png } = await draw(left + comparisons.length * (wide + 40), top + 2 * (high + 80) - 20, {
    title: panels.map((p) => ({
      text: p.title,
      left: p.at.left,
      top: p.at.top - 52,
      padding: 0,
      textStyle: heading(14),
    })),
    legend: panels.map((p, i) => ({
      data: p.curves.map(({ name }) => legendName(i, name)),
      formatter: (name: string) => name.slice(name.indexOf(' ') + 1),
      left: p.at.left,
      top: p.at.top - 28,
      padding: 0,
      itemHeight: 7,
      textStyle: { color: INK, fontSize: 12 },
    })),
    grid: panels.map((p) => ({ ...p.at, width: wide - 40, height: high })),
    xAxis: panels.map((p, i) => ({
      gridIndex: i,
      type: 'value',
      min: 1,
      max: p.curves[0].data.length,
      minInterval: 1,
      axisLabel: { color: INK },
      axisLine: { onZero: false },
      splitLine: { show: false },
    })),
    yAxis: panels.map((p, i) => ({
      gridIndex: i,
      type: p.type,
      scale: true,
      axisLabel: { color: INK, formatter: p.tick },
    })),
    series: panels.flatMap((p, i) =>
      p.curves.map(({ name, color, width, data }) => ({
        name: legendName(i, name),
        type: 'line',
        xAxisIndex: i,
        yAxisIndex: i,
        data,
        symbol: 'none',
        lineStyle: { width, color },
        itemStyle: { color },
      })),
    ),
  });
  return png;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      faces: { type: 'string', default: '../shared/faces' },
      fixtures: { type: 'string', default: '../shared/reference/real_faces' },
      out: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  for (const folder of [values.faces, values.fixtures])
    if (!existsSync(folder))
      throw new InputError(`${folder}: no such folder; see the first lines of bench/against_pytorch.ts`);
  const device = await openDevice();
  const comparisons: Comparison[] = [];
  for (const name of readdirSync(values.fixtures).filter((f) => f.endsWith('.safetensors'))) {
    const fixture = Fixture.parse(name, readFileSync(join(values.fixtures, name)));
    const comparison = compare(fixture, await lossesOnPhotographs(device, fixture, values.faces));
    comparisons.push(comparison);
    if (values.json) console.log(JSON.stringify({ ...comparison, faults: faults(comparison) }));
    else print(comparison);
  }
  device.destroy();
  if (values.out) writeFileSync(values.out, await picture(comparisons));
  if (comparisons.some((c) => faults(c).length > 0)) process.exitCode = 1;
}

main().catch((error: Error) => {
  console.error(error instanceof InputError ? error.message : error.stack);
  process.exitCode = error instanceof InputError ? 2 : 1;
});
