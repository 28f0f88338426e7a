export const ceilDiv = (a: number, b: number): number => Math.ceil(a / b);
