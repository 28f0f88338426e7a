/** Drawn faces that an archive for a bare machine brings, which has no libvips to write JPEG files with: below the root. */
export const BROUGHT = 'bench/gpu_day/faces';
