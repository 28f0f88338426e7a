/** Which half-open ranges of an axis have been written. Ranges are few (a dense block has tens), so a sorted list will do. */
export class Coverage {
  private ranges: [number, number][] = [];

  add(from: number, to: number): void {
    if (this.ranges.length === 0) {
      this.ranges = [[from, to]];
      return;
    }
    const apart = this.ranges.filter(([a, b]) => b < from || a > to);
    const touching = this.ranges.filter(([a, b]) => b >= from && a <= to);
    const merged: [number, number] = [
      Math.min(from, ...touching.map((r) => r[0])),
      Math.max(to, ...touching.map((r) => r[1])),
    ];
    this.ranges = [...apart, merged].sort((x, y) => x[0] - y[0]);
  }

  /** The parts of [from, to) that have not been written. */
  missing(from: number, to: number): [number, number][] {
    const gaps: [number, number][] = [];
    let at = from;
    for (const [a, b] of this.ranges) {
      if (b <= at) continue;
      if (a >= to) break;
      if (a > at) gaps.push([at, a]);
      at = Math.max(at, b);
    }
    if (at < to) gaps.push([at, to]);
    return gaps;
  }

  /** Adds from..to. Gaps within what was written in part are filled first. Tells whether any of it had been written. */
  claim(from: number, to: number, fill: (from: number, to: number) => void): boolean {
    const gaps = this.missing(from, to);
    const untouched = gaps.length === 1 && gaps[0][0] === from && gaps[0][1] === to;
    if (!untouched) for (const gap of gaps) fill(...gap);
    this.add(from, to);
    return !untouched;
  }

  remove(from: number, to: number): void {
    this.ranges = this.ranges
      .flatMap(([a, b]): [number, number][] => [
        [a, Math.min(b, from)],
        [Math.max(a, to), b],
      ])
      .filter(([a, b]) => a < b);
  }

  /** Takes down what there is; the result puts it back. */
  save(): () => void {
    const { ranges } = this;
    return () => {
      this.ranges = ranges;
    };
  }

  clear(): void {
    this.ranges = [];
  }

  get empty(): boolean {
    return this.ranges.length === 0;
  }
}
