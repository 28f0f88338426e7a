/**
 * Runs something that a first Ctrl-C (or SIGTERM) asks to stop, through its signal, and that a second one ends at once.
 * @param onStop told at the first one
 */
export async function stoppable<T>(run: (signal: AbortSignal) => Promise<T>, onStop: () => void): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED);
    onStop();
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await run(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** The exit code of a program that Ctrl-C has stopped: 128 + SIGINT. */
export const INTERRUPTED = 130;
