/**
 * How fast a playback's media time runs against the clock: recorders stamp fast playback in recorded
 * time (4 s of media each second at 4×) or divided by the speed, and the video must run alike.
 */

const WINDOW_MS = 2_000;
const LEAST_MS = 500;
/** What browsers play. */
export const SLOWEST = 0.0625;
export const FASTEST = 16;

export class MediaRate {
  private marks: { end: number; at: number }[] = [];
  private last = 1;

  /** The newest media time in the buffer, at this moment; returns the rate to play at. */
  note(end: number, at: number): number {
    const before = this.marks.at(-1);
    // A new time line, or a hole after a seek: what was measured before says nothing any more.
    if (before !== undefined && (end < before.end || end - before.end > FASTEST)) this.marks = [];
    this.marks.push({ end, at });
    while (this.marks.length > 2 && at - (this.marks[1]?.at ?? at) >= WINDOW_MS) this.marks.shift();
    const first = this.marks[0];
    if (first === undefined || at - first.at < LEAST_MS) return this.last;
    const rate = (end - first.end) / ((at - first.at) / 1000);
    // Nothing comes while it is held: go on as before when it does.
    if (rate > 0) this.last = Math.min(FASTEST, Math.max(SLOWEST, rate));
    return this.last;
  }

  /** Another speed was agreed: measure anew, beginning with what is to be expected. */
  expect(rate: number): void {
    this.marks = [];
    this.last = Math.min(FASTEST, Math.max(SLOWEST, Math.abs(rate)));
  }
}
