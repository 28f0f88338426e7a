import type { Metrics } from '../../measures/metrics';
import { draw, heading, INK, type Picture, percent, SHADES } from './canvas';
import { measureText } from './lettering';

/** One square of a matrix: how dark it is (0 to 1), and what stands in it. */
interface Square {
  readonly shade: number;
  readonly text: string;
  readonly small: string;
}

/** The confusion matrix: counts, coloured by the fraction of the true class. */
export function drawConfusion(
  metrics: Pick<Metrics, 'classes' | 'confusion' | 'accuracy' | 'macro_f1'>,
): Promise<Picture> {
  const figures =
    `accuracy ${percent(metrics.accuracy)}, macro F1 ${metrics.macro_f1.toFixed(3)}; ` +
    'colour and % are shares of a true class';
  const squares = metrics.confusion.map((row) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.map((count) => {
      const share = total === 0 ? 0 : count / total;
      return { shade: share, text: String(count), small: share > 0 ? percent(share) : '' };
    });
  });
  return drawMatrix({
    title: 'Confusion matrix',
    figures,
    names: metrics.classes,
    axes: ['true', 'predicted'],
    most: '100 %',
    squares,
  });
}

/** The label graph A that the classifiers are made from: how much node j of a column weighs for node i of a row. */
export function drawLabelGraph(A: ArrayLike<number>, names: readonly string[]): Promise<Picture> {
  const n = names.length;
  const most = Math.max(...Array.from(A));
  const squares = names.map((_, i) =>
    names.map((_, j) => {
      const weight = A[i * n + j];
      return { shade: weight / most, text: weight === 0 ? '' : weight.toFixed(3), small: '' };
    }),
  );
  const figures = 'weight of one label for another (0 where nothing stands)';
  return drawMatrix({
    title: 'Label graph',
    figures,
    names,
    axes: ['label', 'weighed by'],
    most: most.toFixed(3),
    squares,
  });
}

function drawMatrix({
  title,
  figures,
  names,
  axes,
  most,
  squares,
}: {
  readonly title: string;
  readonly figures: string;
  readonly names: readonly string[];
  readonly axes: readonly [rows: string, columns: string];
  /** What the darkest shade stands for. */
  readonly most: string;
  readonly squares: readonly (readonly Square[])[];
}): Promise<Picture> {
  const widest = (of: readonly string[]): number =>
    Math.ceil(Math.max(...of.map((name) => measureText(name, '13px').width)));
  // Of many classes the squares are small, and the columns' names stand upright.
  const many = names.length > FEW;
  const shown = names.map((name) => cut(name, 240));
  const longest = widest(shown);
  const cell = many ? 44 : Math.max(72, longest + 12);
  const left = longest + 64;
  const top = 112 + (many ? longest : 0);
  const side = cell * names.length;
  const width = Math.max(side + 96, measureText(figures, '12px').width + 16);
  const axis = (name: string, position: 'top' | 'left', nameGap: number) => ({
    type: 'category',
    data: shown,
    name,
    nameLocation: 'middle',
    nameGap,
    nameTextStyle: { color: INK, fontSize: 13, fontWeight: 'bold' },
    position,
    axisLabel: LETTERS,
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
  });
  return draw(left + width, top + side + 28, {
    title: {
      text: title,
      subtext: figures,
      left,
      top: 18,
      padding: 0,
      itemGap: 9,
      textStyle: heading(17),
      subtextStyle: { color: INK, fontSize: 12 },
    },
    grid: { left, top, width: side, height: side },
    xAxis: {
      ...axis(axes[1], 'top', many ? longest + 22 : 32),
      ...(many && { axisLabel: { ...LETTERS, rotate: -90 } }),
    },
    yAxis: { ...axis(axes[0], 'left', longest + 22), inverse: true },
    visualMap: {
      min: 0,
      max: 1,
      dimension: 2,
      calculable: false,
      orient: 'vertical',
      left: left + side + 28,
      top: top - 31,
      itemHeight: side,
      itemWidth: 14,
      text: [most, '0'],
      textStyle: { color: INK, fontSize: 11 },
      inRange: { color: SHADES },
    },
    series: [
      {
        type: 'heatmap',
        data: squares.flatMap((row, r) =>
          row.map(({ shade, text, small }, c) => ({ value: [c, r, shade], label: label(shade, text, small, many) })),
        ),
        itemStyle: { borderColor: '#ffffff', borderWidth: 1 },
      },
    ],
  });
}

const FEW = 12;

const LETTERS = { color: INK, fontSize: 13, interval: 0 };

/** A name that is at most so wide, in pixels. */
function cut(name: string, most: number): string {
  const wide = (text: string): boolean => measureText(text, '13px').width > most;
  if (!wide(name)) return name;
  const letters = [...name];
  while (letters.length > 1 && wide(`${letters.join('')}…`)) letters.pop();
  return `${letters.join('')}…`;
}

function label(shade: number, text: string, small: string, many: boolean): object {
  const color = shade >= 0.5 ? '#ffffff' : INK;
  return {
    show: text !== '',
    formatter: small ? `{n|${text}}\n{p|${small}}` : `{n|${text}}`,
    rich: many
      ? { n: { fontSize: 11, lineHeight: 15, color }, p: { fontSize: 8, lineHeight: 11, color } }
      : { n: { fontSize: 15, lineHeight: 20, color }, p: { fontSize: 10, lineHeight: 14, color } },
  };
}
