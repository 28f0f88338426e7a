/**
 * A text that may hold what stands in a stranger's file: characters that a terminal would obey, or that turn the order of a line
 * around, are spelt out. Line feeds and tabs stay.
 */
export const printable = (text: string): string =>
  text.replace(
    /[^\P{Cc}\n\t]|[\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
