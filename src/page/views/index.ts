// The page's views, in the order of its navigation: a file a view, and a line here.
import { curves } from './curves';
import { log } from './log';
import { settings } from './settings';
import { summary } from './summary';
import type { View } from './view';

export const VIEWS: readonly View[] = [summary, curves, settings, log];
