/** Lets work under way hold `most` of something, all together; what takes more runs alone. */
export class Budget {
  private used = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  /** What `work` gives, begun as soon as `amount` is there for it. */
  async run<T>(amount: number, work: () => Promise<T>): Promise<T> {
    while (this.used > 0 && this.used + amount > this.most)
      await new Promise<void>((again) => {
        this.waiting.push(again);
      });
    this.used += amount;
    try {
      return await work();
    } finally {
      this.used -= amount;
      for (const again of this.waiting.splice(0)) again();
    }
  }
}
