// The page's views, in the order of its navigation: a file a view, and a line here.
import { confusion } from './confusion';
import { curves } from './curves';
import { gallery } from './gallery';
import { graph } from './graph';
import { layers } from './layers';
import { log } from './log';
import { plane } from './plane';
import { profile } from './profile';
import { reliability } from './reliability';
import { settings } from './settings';
import { summary } from './summary';
import type { View } from './view';

export const VIEWS: readonly View[] = [
  ...[summary, curves],
  ...[confusion, gallery, plane, reliability],
  ...[graph, layers, profile],
  ...[settings, log],
];
