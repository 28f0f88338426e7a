import type { Align } from '../../data/face';

/** What a file holds: facts in their order, and a table where there is one. */
export interface Inspection {
  readonly kind: FileKind;
  readonly facts: Readonly<Record<string, string | number>>;
  /** The first row names the columns. */
  readonly table?: readonly (readonly string[])[];
  /** Why training would not take it, though much can be said of it. */
  readonly refused?: string;
}

export const KINDS = [
  'checkpoint',
  'pickle',
  'adjacency',
  'annotations',
  'embedding',
  'safetensors',
  'affectnet-csv',
  'glove',
  'image',
  'run',
] as const;
export type FileKind = (typeof KINDS)[number];

/** What is needed to judge a file besides itself. */
export interface InspectSettings {
  /** Folder of the annotated pictures: missing ones are counted. */
  readonly imageDir: string | null;
  /** Whose classes the file has; null: found out by its content. */
  readonly dataset: 'affectnet' | 'affwild2' | null;
  readonly numClasses: number;
  /** Largest fraction of broken rows that training passes over. */
  readonly maxBad: number;
  /** Validation annotations that lie elsewhere. */
  readonly valData?: string | null;
  /** Names of other classes than the data set's. */
  readonly classes?: readonly string[] | null;
  /** As `AnnotationOptions`. */
  readonly align?: Align;
  readonly columns?: string | null;
  /** Decode every picture; else only those of which begin and end leave a doubt. */
  readonly decode?: boolean;
  /** A picture to write of samples of each class. */
  readonly contactSheet?: string | null;
  readonly onProgress?: (done: number, total: number) => void;
}
