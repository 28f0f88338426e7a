// A worker thread that trains: it tells its bits, and ends in the way that it was given, in the middle of a step.
import { parentPort, workerData } from 'node:worker_threads';
import { openDevice } from '../../src/engine_node';
import { STEPS, Training } from './training';

export type Ending = 'exit' | 'throw' | 'later' | 'done';

const training = new Training(await openDevice());
parentPort?.postMessage({ bits: await training.run(STEPS) });
const ending = workerData as Ending;
if (ending === 'done') training.device.destroy();
else void training.step(STEPS); // whose loss is still to be read
if (ending === 'exit') process.exit(3);
if (ending === 'throw') throw new Error('boom');
if (ending === 'later')
  setImmediate(() => {
    throw new Error('boom');
  });
