// The SVG of a made-up face.
import type { Point } from '../../base/pixels/align';

/** Numbers in [0, 1), one after the other. */
export type Draw = () => number;

/** Where the features are, in face units: the head is about 2 high, y down, the face's own left is at x > 0. */
export interface Features {
  eyes: { middle: Point; width: number; upper: number; lower: number }[];
  /** Inner end, middle, outer end. */
  brows: [Point, Point, Point][];
  nose: { top: Point; tip: Point; wrinkled: boolean };
  mouth: {
    kind: 'line' | 'smile' | 'round' | 'grimace' | 'snarl' | 'tongue';
    left: Point;
    right: Point;
    upper: Point;
    lower: Point;
  };
  /** Size of the tears, 0 for none. */
  tears: number;
  /** Radius of the pupil. */
  pupil: number;
}

/** Where face units land in the picture: scaled, turned clockwise, moved. */
export interface Pose {
  size: number;
  middle: Point;
  degrees: number;
  scale: number;
}

const SKINS = ['#f7dcc6', '#f0c6a4', '#dfa980', '#c68b64', '#ad7550', '#8f5d3b', '#74492f'];
const HAIRS = ['#1d1a19', '#3a2a20', '#6b4423', '#a8712f', '#d6b36a', '#b3aea8', '#7c3020'];
const IRISES = ['#4a3020', '#6b4a2a', '#356c94', '#4f7a4a', '#5d6873'];
const SHIRTS = ['#2f4b6e', '#7a2f3a', '#3b6b52', '#c9a13b', '#5a4a78', '#8b8f94', '#d8d3c8', '#222831'];

/** A template of SVG: numbers get three decimals, points become `x y`, text stays. */
function svg(parts: TemplateStringsArray, ...values: (number | string | Point)[]): string {
  const text = (v: number | string | Point): string =>
    typeof v === 'string' ? v : typeof v === 'number' ? `${Number(v.toFixed(3))}` : v.map(text).join(' ');
  return parts.reduce((all, part, i) => all + text(values[i - 1]) + part);
}

/** The picture: background, head and shoulders, features, light. */
export function paintFace(f: Features, pose: Pose, draw: Draw): string {
  const pick = (list: readonly string[]) => list[Math.floor(draw() * list.length)];
  const { size, middle, degrees, scale } = pose;
  const [skin, hair, iris, shirt] = [pick(SKINS), pick(HAIRS), pick(IRISES), pick(SHIRTS)];
  // Grey and fair hair has darker brows.
  const brow = HAIRS.indexOf(hair) > 2 ? '#4a3326' : '#17110f';
  const [hue, grey] = [360 * draw(), draw() < 0.5 ? '#000' : '#fff'];
  const colour = (h: number) => svg`hsl(${h},${15 + 40 * draw()}%,${28 + 46 * draw()}%)`;
  return [
    svg`<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}"><defs>`,
    svg`<linearGradient id="bg" gradientTransform="rotate(${90 * draw()})">`,
    svg`<stop stop-color="${colour(hue)}"/>`,
    svg`<stop offset="1" stop-color="${colour(hue + 60 * draw())}"/></linearGradient>`,
    svg`<linearGradient id="light" gradientTransform="rotate(${360 * draw()} .5 .5)">`,
    svg`<stop stop-color="#fff" stop-opacity="${0.22 * draw()}"/><stop offset=".5" stop-opacity="0"/>`,
    svg`<stop offset="1" stop-color="#000" stop-opacity="${0.08 + 0.22 * draw()}"/></linearGradient>`,
    svg`<clipPath id="mouth"><path d="${mouthOutline(f.mouth)}"/></clipPath></defs>`,
    svg`<rect width="${size}" height="${size}" fill="url(#bg)"/>`,
    '<g stroke-linecap="round" stroke-linejoin="round" ',
    svg`transform="translate(${middle}) rotate(${degrees}) scale(${scale})">`,
    paintHead(skin, hair, shirt, draw),
    paintNose(f.nose),
    paintCheeks(f, draw),
    ...f.eyes.map((eye, i) => paintEye(eye, i, f.pupil, iris)),
    ...f.brows.map(([a, b, c]) => stroke(svg`M${a}Q${b} ${c}`, brow, 0.1)),
    paintMouth(f.mouth),
    paintTears(f),
    draw() < 0.1 ? paintGlasses(f) : '',
    svg`</g><rect width="${size}" height="${size}" fill="url(#light)"/>`,
    svg`<rect width="${size}" height="${size}" fill="${grey}" opacity="${0.15 * draw()}"/></svg>`,
  ].join('');
}

const stroke = (d: string, colour: string, width: number, opacity = 1): string =>
  svg`<path d="${d}" fill="none" stroke="${colour}" stroke-width="${width}" opacity="${opacity}"/>`;
const fill = (d: string, colour: string): string => svg`<path d="${d}" fill="${colour}"/>`;
const ellipse = ([x, y]: Point, rx: number, ry: number, colour: string, more = ''): string =>
  svg`<ellipse cx="${x}" cy="${y}" rx="${rx}" ry="${ry}" fill="${colour}" ${more}/>`;

function paintHead(skin: string, hair: string, shirt: string, draw: Draw): string {
  const [w, chin, fringe, long] = [0.76 + 0.08 * draw(), 0.98 + 0.06 * draw(), 0.12 * draw(), draw() < 0.45];
  const head = svg`M${-w} -.15C${-w} .5 -.45 ${chin} 0 ${chin}S${w} .5 ${w} -.15C${w} -1.25 ${-w} -1.25 ${-w} -.15Z`;
  const side = 0.8 + 0.3 * draw();
  const back = long
    ? svg`M${-w - 0.14} -.2C${-w - 0.2} -1.5 ${w + 0.2} -1.5 ${w + 0.14} -.2L${w + 0.2} ${side}Q0 .7 ${-w - 0.2} ${side}Z`
    : svg`M${-w - 0.05} -.1C${-w - 0.16} -1.4 ${w + 0.16} -1.4 ${w + 0.05} -.1Z`;
  const parting: Point = [0.5 * (2 * draw() - 1), -0.66 - fringe];
  const hairline = svg`Q${w - 0.1} ${-0.62 - fringe} ${parting}Q${-w + 0.1} ${-0.58 - fringe} ${-w} -.3`;
  const top = svg`M${-w} -.3C${-w - 0.06} -1.28 ${w + 0.06} -1.28 ${w} -.3${hairline}Z`;
  return [
    fill(back, hair),
    fill('M-1.6 2.2Q-1.4 1.25 -.4 1.15L.4 1.15Q1.4 1.25 1.6 2.2Z', shirt),
    fill('M-.34 .6L.34 .6L.36 1.15Q0 1.42 -.36 1.15Z', skin),
    `<path d="M-.34 .8Q0 1.3 .34 .8L.35 1Q0 1.3 -.35 1Z" fill="#000" opacity=".16"/>`,
    ellipse([-w - 0.02, 0], 0.11, 0.19, skin),
    ellipse([w + 0.02, 0], 0.11, 0.19, skin),
    fill(head, skin),
    fill(top, hair),
  ].join('');
}

function paintNose({ top, tip, wrinkled }: Features['nose']): string {
  const [x, y] = tip;
  const lines = [
    svg`M${top[0] - 0.05} ${top[1] + 0.1}Q${x - 0.1} ${y - 0.05} ${x - 0.1} ${y}Q${x} ${y + 0.09} ${x + 0.1} ${y}`,
  ];
  if (wrinkled) {
    for (const dy of [0, 0.08])
      lines.push(svg`M${top[0] - 0.1} ${top[1] + dy}Q${top[0]} ${top[1] + dy - 0.07} ${top[0] + 0.1} ${top[1] + dy}`);
    for (const side of [-1, 1])
      lines.push(svg`M${x + side * 0.14} ${y - 0.06}Q${x + side * 0.3} ${y} ${x + side * 0.32} ${y + 0.2}`);
  }
  return lines.map((d) => stroke(d, '#3a1a0c', 0.035, wrinkled ? 0.75 : 0.5)).join('');
}

function paintCheeks({ eyes, mouth }: Features, draw: Draw): string {
  const strength = (mouth.kind === 'smile' ? 0.3 : 0.05) + 0.1 * draw();
  return eyes
    .map(({ middle: [x, y] }) => ellipse([x * 1.25, y + 0.42], 0.17, 0.12, '#d8433c', svg`opacity="${strength}"`))
    .join('');
}

function paintEye(
  { middle: [x, y], width, upper, lower }: Features['eyes'][number],
  i: number,
  pupil: number,
  iris: string,
): string {
  const lid = svg`M${x - width} ${y}Q${x} ${y - 2 * upper} ${x + width} ${y}`;
  const outline = svg`${lid}Q${x} ${y + 2 * lower} ${x - width} ${y}Z`;
  const round = pupil * 1.9;
  const middle: Point = [x, y - (upper - lower) / 2];
  return [
    svg`<clipPath id="eye${i}"><path d="${outline}"/></clipPath>`,
    fill(outline, '#fdfcf8'),
    svg`<g clip-path="url(#eye${i})">`,
    ellipse(middle, round, round, iris),
    ellipse(middle, pupil, pupil, '#0c0a0a'),
    ellipse([middle[0] + 0.025, middle[1] - 0.03], 0.018, 0.018, '#fff'),
    '</g>',
    stroke(outline, '#2a1710', 0.025, 0.6),
    stroke(lid, '#1a0f0b', 0.05),
  ].join('');
}

const mouthOutline = ({ left, right, upper, lower }: Features['mouth']): string =>
  svg`M${left}Q${control(left, right, upper)} ${right}Q${control(left, right, lower)} ${left}Z`;

/** The control point with which a quadratic curve from a to b passes through `middle`. */
const control = (a: Point, b: Point, [x, y]: Point): Point => [2 * x - (a[0] + b[0]) / 2, 2 * y - (a[1] + b[1]) / 2];

const LIPS = '#9c3a3a';

function paintMouth(mouth: Features['mouth']): string {
  const { kind, left, right, upper, lower } = mouth;
  const [x, y] = [(upper[0] + lower[0]) / 2, (upper[1] + lower[1]) / 2];
  const [half, open] = [(right[0] - left[0]) / 2, lower[1] - upper[1]];
  if (kind === 'round') {
    return [
      ellipse([x, y], half + 0.03, open / 2 + 0.03, LIPS),
      ellipse([x, y], half - 0.02, open / 2 - 0.02, '#2a0b0e'),
      ellipse([x, y + open * 0.3], half * 0.6, open * 0.13, '#c4525a'),
    ].join('');
  }
  const outline = mouthOutline(mouth);
  const box = svg`x="${left[0]}" width="${2 * half}"`;
  const teeth = (top: number, height: number) => svg`<rect ${box} y="${top}" height="${height}" fill="#fbfaf2"/>`;
  const gaps = [-0.6, -0.3, 0, 0.3, 0.6].map((k) => svg`M${x + k * half} ${y - 1}V${y + 1}`).join('');
  const clench = stroke(svg`M${left[0]} ${y}H${right[0]}`, '#4a2020', 0.03);
  const inside = {
    line: '',
    smile: teeth(upper[1] - 0.3, 0.3 + open * 0.36) + ellipse([x, lower[1]], half * 0.5, open * 0.3, '#d4606a'),
    grimace: teeth(y - 1, 2) + stroke(gaps, '#4a2020', 0.02) + clench,
    snarl: teeth(upper[1] - 0.3, 0.3 + open * 0.3) + teeth(lower[1] - open * 0.25, 0.6) + stroke(gaps, '#4a2020', 0.02),
    tongue: '',
  }[kind];
  const wide = half * 0.6;
  const tongue = svg`M${x - wide} ${y}H${x + wide}V${y + 0.2}Q${x} ${y + 0.5} ${x - wide} ${y + 0.2}Z`;
  return [
    fill(outline, '#3a0d12'),
    svg`<g clip-path="url(#mouth)">${inside}</g>`,
    stroke(outline, LIPS, 0.065),
    kind === 'tongue' ? fill(tongue, '#f07f92') + stroke(svg`M${x} ${y + 0.05}V${y + 0.22}`, '#a8404c', 0.03) : '',
  ].join('');
}

function paintTears({ eyes, tears }: Features): string {
  if (tears === 0) return '';
  const drop = ({ middle: [x, y], lower }: Features['eyes'][number]) => {
    const [top, r] = [y + lower + 0.04, 0.05 + 0.04 * tears];
    return fill(svg`M${x} ${top}L${x + r} ${top + 2.2 * r}A${r} ${r} 0 1 1 ${x - r} ${top + 2.2 * r}Z`, '#9fdcf5');
  };
  return eyes.map(drop).join('');
}

function paintGlasses({ eyes }: Features): string {
  const rims = eyes.map(({ middle }) => ellipse(middle, 0.27, 0.25, 'none', 'stroke="#222" stroke-width=".035"'));
  const [a, b] = eyes.map(({ middle }) => middle);
  return rims.join('') + stroke(svg`M${a[0] + 0.27} ${a[1]}L${b[0] - 0.27} ${b[1]}`, '#222', 0.035);
}
