// Begins the thread that has MPI: loads the library, joins the others, and sees that they are those of the launcher.
import { parentPort, workerData } from 'node:worker_threads';
import { Library } from './library';
import type { FromThread, Start } from './messages';
import { Thread } from './thread';
import { notLoaded, otherKind } from './words';

const { launch, path, bell } = workerData as Start;
const tell = (message: FromThread): void => parentPort!.postMessage(message);
const { default: koffi } = await import('koffi');

let library: Library | null = null;
try {
  library = Library.load(koffi, launch, path);
} catch (error) {
  tell({ unusable: notLoaded(launch, (error as Error).message), isUsage: false });
}
if (library) {
  library.init();
  const { size, title, name } = library;
  if (size === launch.size) new Thread(library, size, parentPort!, bell).run();
  else {
    library.finalize();
    tell({ unusable: otherKind(launch, `${title} (${name})`, size), isUsage: true });
  }
}
