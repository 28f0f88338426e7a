// Entry point of a worker thread: reads labels of the npy release, a group after the other.
import { parentPort, workerData } from 'node:worker_threads';
import { readLabels, type Wanted } from './npy_labels';

const port = parentPort!;
port.on('message', (wanted: Wanted | null) => {
  if (wanted === null) port.close();
  else port.postMessage(readLabels(workerData, wanted));
});
