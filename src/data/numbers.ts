/** Powers of ten that a double holds exactly. */
const TENS = Array.from({ length: 16 }, (_, i) => 10 ** i);

const [SEMICOLON, MINUS, POINT] = [0x3b, 0x2d, 0x2e];

/**
 * The numbers of a text that semicolons part; NaN: an empty one, or no number. The very doubles of `Number`: up to 15 digits are a whole number that a double
 * holds, and divided by a power of ten that it holds too gives the nearest double; whatever else stands there is left to `Number`.
 */
export function numbersOf(text: string): number[] {
  const numbers: number[] = [];
  const { length } = text;
  for (let begin = 0; begin <= length; ) {
    const negative = begin < length && text.charCodeAt(begin) === MINUS;
    const first = negative ? begin + 1 : begin;
    let [value, digits, point, i] = [0, 0, -1, first];
    for (; i < length; i++) {
      const digit = text.charCodeAt(i) - 0x30;
      if (digit >= 0 && digit <= 9) {
        value = 10 * value + digit;
        digits++;
      } else if (digit === POINT - 0x30 && point < 0) point = i;
      else break;
    }
    if (digits > 0 && digits <= 15 && (i === length || text.charCodeAt(i) === SEMICOLON)) {
      if (point >= 0) value /= TENS[i - point - 1];
      numbers.push(negative ? -value : value);
    } else {
      const end = text.indexOf(';', i);
      i = end < 0 ? length : end;
      const odd = text.slice(begin, i).trim();
      numbers.push(odd === '' ? Number.NaN : Number(odd));
    }
    begin = i + 1;
  }
  return numbers;
}
