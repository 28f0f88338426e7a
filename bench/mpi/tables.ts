// What the model says of 1 to 64 devices, as Markdown: the tables of docs/scale.md.
import { efficiency, fasterBatch, imagesPerSecond, type Place, roundSeconds, smallestBatch, type Work } from './model';

export const RANKS = [1, 2, 4, 8, 16, 32, 64];

/** Bytes a second that a program gets of a network. */
const NETWORKS = { '100 GbE': 11e9, '10 GbE': 1.1e9 };

/** Shares of what a device gives alone. */
const SHARES = [0.8, 0.9];

/** Devices a host that is full of them has. */
const FULL = 8;

/** Hosts that are full or have one device, over each network. */
const placesOf = (place: Omit<Place, 'devices' | 'network'>): [string, Place][] =>
  [FULL, 1].flatMap((devices) =>
    Object.entries(NETWORKS).map(([name, network]): [string, Place] => [
      `${devices} a host, ${name}`,
      { ...place, devices, network },
    ]),
  );

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const head = (cells: readonly string[]): string[] => [row(cells), row(cells.map(() => '---'))];

/** Milliseconds that a round takes beside its step. */
export function roundTable({ bytes }: Work, place: Omit<Place, 'devices' | 'network'>): string[] {
  const places = placesOf(place);
  return [
    ...head(['ranks: ms beside a step', ...places.map(([name]) => name)]),
    ...RANKS.slice(1).map((ranks) =>
      row([ranks, ...places.map(([, at]) => (1000 * roundSeconds(bytes, ranks, at)).toFixed(0))]),
    ),
  ];
}

/** Images a second, in brackets what each device gives of what it gives alone. */
export function throughputTable(work: Work, batch: number, place: Omit<Place, 'devices' | 'network'>): string[] {
  const places = placesOf(place);
  return [
    ...head([`ranks, batch ${batch} each`, ...places.map(([name]) => name)]),
    ...RANKS.map((ranks) =>
      row([
        ranks,
        ...places.map(([, at]) => {
          const images = Math.round(imagesPerSecond(work, batch, ranks, at)).toLocaleString('en');
          return `${images} (${Math.round(100 * efficiency(work, batch, ranks, at))} %)`;
        }),
      ]),
    ),
  ];
}

/** The batch from which so many devices are faster than one, and from which each gives a share of what it gives alone. */
export function batchTable(work: Work, place: Omit<Place, 'devices' | 'network'>): string[] {
  const places = placesOf(place);
  const title = ['faster than one', ...SHARES.map((share) => `${100 * share} %`)].join(' / ');
  return [
    ...head([`batch a device: ${title}`, ...places.map(([name]) => name)]),
    ...RANKS.slice(1).map((ranks) =>
      row([
        ranks,
        ...places.map(([, at]) =>
          [fasterBatch(work, ranks, at), ...SHARES.map((share) => smallestBatch(work, ranks, at, share))].join(' / '),
        ),
      ]),
    ),
  ];
}
