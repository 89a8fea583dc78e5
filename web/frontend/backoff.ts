/** How long to wait before the next attempt: doubling, bounded, with jitter so that a wall of
 * tiles does not come back in one instant. */
export class Backoff {
  private attempts = 0;

  constructor(
    private readonly firstMs = 1_000,
    private readonly longestMs = 15_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next wait in milliseconds: between 75 % and 125 % of the doubled base. */
  next(): number {
    const base = Math.min(this.longestMs, this.firstMs * 2 ** this.attempts);
    this.attempts += 1;
    return Math.round(base * (0.75 + this.random() * 0.5));
  }

  /** It worked: start again from the shortest wait. */
  reset(): void {
    this.attempts = 0;
  }
}
