/** Which elements of an array of `size` are compared. */
export function sampled(size: number): number[];
