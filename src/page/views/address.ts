// Addresses within the page: which samples the gallery is to show, so that a link leads there and the way back works.

/** Samples of a run; null: of any class. */
export interface SamplesAddress {
  readonly run: string;
  readonly truth: number | null;
  readonly said: number | null;
}

const GALLERY = '#gallery';

/** `#gallery?run=r0&true=2&predicted=3`. */
export function samplesAddress({ run, truth, said }: SamplesAddress): string {
  const query = new URLSearchParams({ run });
  if (truth !== null) query.set('true', String(truth));
  if (said !== null) query.set('predicted', String(said));
  return `${GALLERY}?${query}`;
}

/** What an address asks for; null: nothing in particular. */
export function readSamplesAddress(hash: string): SamplesAddress | null {
  if (!hash.startsWith(`${GALLERY}?`)) return null;
  const query = new URLSearchParams(hash.slice(GALLERY.length + 1));
  const place = (name: string): number | null =>
    /^\d{1,4}$/.test(query.get(name) ?? '') ? Number(query.get(name)) : null;
  return { run: query.get('run') ?? '', truth: place('true'), said: place('predicted') };
}
