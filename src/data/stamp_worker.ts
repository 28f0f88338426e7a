// Entry point of a worker thread: sizes and times of files in a folder, a group after the other.
import { workerData } from 'node:worker_threads';
import { stampOfFiles } from './sources';
import { answerGroups } from './threads';

answerGroups((names: string[]) => stampOfFiles(workerData, names));
