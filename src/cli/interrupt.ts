/**
 * Runs something that a first Ctrl-C (or SIGTERM) asks to stop, through its signal, and that a second one ends at once.
 * @param onStop told at the first one
 * @returns null where it ended with the signal's reason: the program then ends, whatever is still under way in it
 */
export async function stoppable<T>(run: (signal: AbortSignal) => Promise<T>, onStop: () => void): Promise<T | null> {
  const controller = new AbortController();
  const { signal } = controller;
  const stop = (): void => {
    if (signal.aborted) process.exit(INTERRUPTED);
    onStop();
    controller.abort();
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await run(signal);
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
    process.exitCode = INTERRUPTED;
    // Such as a file being read: nothing waits for it any more.
    setTimeout(() => process.exit(), 500).unref();
    return null;
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** The exit code of a program that Ctrl-C has stopped: 128 + SIGINT. */
export const INTERRUPTED = 130;
