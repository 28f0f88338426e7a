/** Wrong input or usage: something the person who started the program can mend. The command line ends with exit code 2 and this message alone. */
export class InputError extends Error {
  override name = 'InputError';
}

/** The machine cannot do it (no adapter, device lost, out of memory). The command line ends with exit code 1 and this message alone. */
export class MachineError extends Error {
  override name = 'MachineError';
}
