// How a run's pictures are drawn: echarts makes an SVG, letters become paths. Slow to load, so it is imported when it is needed.
import { BarChart, HeatmapChart, LineChart, ScatterChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  VisualMapComponent,
} from 'echarts/components';
import { type EChartsCoreOption, init, setPlatformAPI, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import sharp from 'sharp';
import { measureText, textToPaths } from './lettering';

use([BarChart, HeatmapChart, LineChart, ScatterChart]);
use([GridComponent, LegendComponent, MarkLineComponent, SVGRenderer, TitleComponent, VisualMapComponent]);
// The library would guess widths; it calls this with a CSS font.
setPlatformAPI({ measureText: (text: string, font?: string) => measureText(text, font) });

export const INK = '#24292f';
export const FAINT = '#d8dee4';
export const BLUE = '#0969da';
export const ORANGE = '#d4622a';
export const GREEN = '#1a7f4b';
export const PURPLE = '#8250df';
/** From nothing to all. */
export const SHADES = ['#f6f8fa', '#a9cdef', '#3f84c9', '#1d5a9f', '#0a2f66'];

export const heading = (fontSize: number) => ({ color: INK, fontSize, fontWeight: 'bold' as const });
/** Legend entries are told apart by name alone, so the panel's number comes before it. */
export const legendName = (panel: number, name: string): string => `${panel} ${name}`;
export const percent = (fraction: number): string => `${(100 * fraction).toFixed(1)} %`;

/** One drawing, as vectors and as pixels (2 a unit). */
export interface Picture {
  readonly svg: string;
  readonly png: Buffer;
}

/** Draws a chart of `width` x `height` units. @internal */
export async function draw(width: number, height: number, option: EChartsCoreOption): Promise<Picture> {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...option });
    const svg = textToPaths(chart.renderToSVGString());
    return { svg, png: await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer() };
  } finally {
    chart.dispose(); // else its timers keep the process alive
  }
}
