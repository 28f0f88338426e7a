/** One way to a driver that computes on the CPU. Its folder holds `lib/` (with libvulkan.so.1), an ICD file and a manifest. */
export interface Route {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** About how many MiB come over the network and stay on the disk where the system has nothing of it yet. */
  readonly mib: { readonly fetched: number; readonly kept: number };
  /** The driver's file in `lib/`, and the ICD file that points to it. */
  readonly driver: string;
  readonly icd: string;
  /** Why this route cannot be gone on this machine, if so. */
  hindrance(): string | undefined;
  /** Fetches into an empty folder, verifying what came. */
  fill(folder: string): Promise<void>;
}
