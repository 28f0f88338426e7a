// What training over ranks gives, out of bytes, rates and the time of a step: a round is a batch on each of N devices and the sum of their gradients.
//
//   round    = step + 2 bytes (1 / bus + 1 / copy) + bytes / add + exchange
//   exchange = 2 slice (on / shared + devices off / network) + 2 (N - 1) latency
//
// Gradients are read from the device and written back, each rank adds N slices of bytes / N, and a slice goes to each other rank twice, in an
// alltoall and an allgather: to `on` ranks of the same host through memory, to `off` of others through the network card that a host's devices share.

/** Rates in bytes a second, times in seconds. */
export interface Place {
  /** Devices a host, at most. */
  readonly devices: number;
  /** Between device and memory. */
  readonly bus: number;
  /** Of one core that copies between the device's mapped memory and ours. */
  readonly copy: number;
  /** Of one core that adds. */
  readonly add: number;
  /** Out of a rank to the others of its host. */
  readonly shared: number;
  /** Out of a host and into it, at once. */
  readonly network: number;
  /** Of a message. */
  readonly latency: number;
}

export interface Work {
  /** Of gradients. */
  readonly bytes: number;
  /** Seconds of a step that do not depend on its batch. */
  readonly fixed: number;
  /** Images a second that one device adds to that. */
  readonly rate: number;
}

/** Seconds of a step on one device, its losses waited for. */
export const stepSeconds = ({ fixed, rate }: Work, batch: number): number => fixed + batch / rate;

/** Seconds that a round of `ranks` takes beside the step; one rank has nothing to exchange. */
export function roundSeconds(bytes: number, ranks: number, place: Place): number {
  if (ranks === 1) return 0;
  const { devices, bus, copy, add, shared, network, latency } = place;
  const here = Math.min(ranks, devices);
  const slice = bytes / ranks;
  const exchange = 2 * slice * ((here - 1) / shared + (here * (ranks - here)) / network);
  return 2 * bytes * (1 / bus + 1 / copy) + bytes / add + exchange + 2 * (ranks - 1) * latency;
}

/** What a device gives of what it gives alone. */
export function efficiency(work: Work, batch: number, ranks: number, place: Place): number {
  const step = stepSeconds(work, batch);
  return step / (step + roundSeconds(work.bytes, ranks, place));
}

/** Images a second of all ranks, each with a batch. */
export const imagesPerSecond = (work: Work, batch: number, ranks: number, place: Place): number =>
  (ranks * batch * efficiency(work, batch, ranks, place)) / stepSeconds(work, batch);

/** The smallest batch with which a device gives that share of what it gives alone. */
export function smallestBatch(work: Work, ranks: number, place: Place, share: number): number {
  const step = (roundSeconds(work.bytes, ranks, place) * share) / (1 - share);
  return Math.max(1, Math.ceil((step - work.fixed) * work.rate - 1e-9));
}

/** The smallest batch with which `ranks` devices are faster than one: their round is shorter than as many steps. */
export const fasterBatch = (work: Work, ranks: number, place: Place): number =>
  smallestBatch(work, ranks, place, 1 / ranks);
