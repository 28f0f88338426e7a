/**
 * Wrong input or usage: something the person who started the program can mend. The command line ends with exit code 2 and this message alone.
 * @example
 * try {
 *   tensor(device, [1, 2, 3], [2, 2]);
 * } catch (error) {
 *   if (error instanceof InputError) error.message; // 'tensor 2x2: expected 4 elements, found 3'
 * }
 */
export class InputError extends Error {
  override name = 'InputError';
}

/**
 * The machine cannot do it (no adapter, device lost, out of memory). The command line ends with exit code 1 and this message alone.
 * @example
 * try {
 *   zeros(device, [2 ** 20, 2 ** 14]);
 * } catch (error) {
 *   error instanceof MachineError; // true
 * }
 */
export class MachineError extends Error {
  override name = 'MachineError';
}
