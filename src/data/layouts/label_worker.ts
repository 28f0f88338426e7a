// Entry point of a worker thread: reads labels of the npy release, a group after the other.
import { workerData } from 'node:worker_threads';
import { answerGroups } from '../threads';
import { readLabels, type Wanted } from './npy_labels';

answerGroups((wanted: Wanted) => readLabels(workerData, wanted));
