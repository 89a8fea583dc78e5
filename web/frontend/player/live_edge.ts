/**
 * Keeping close to now: decisions about playback position, speed and buffer, without a video.
 *
 * Small lags are caught up by playing a little faster, the more the longer they are (nobody notices
 * 1.15×), large ones by a jump. What is tolerated is a span, not a share of the target: with the
 * camera's and the server's own delay it must leave room below a second.
 * When the picture ran dry the target grows, because the network needs more slack than thought;
 * it shrinks again slowly while all goes well.
 */

import { FASTEST, SLOWEST } from "./media_rate";

export interface TimeRange {
  start: number;
  end: number;
}

export interface EdgeConfig {
  /** Delay behind the newest picture to aim at, in seconds. */
  targetS: number;
  /** The target never grows beyond this. */
  longestTargetS: number;
  /** So much more than the target is tolerated before the picture runs faster. */
  slackS: number;
  /** More than this behind: jump instead of running faster. */
  jumpS: number;
  /** Keep this much played picture (for the browser's own back references). */
  keepS: number;
}

export const EDGE: EdgeConfig = { targetS: 0.3, longestTargetS: 2, slackS: 0.2, jumpS: 2, keepS: 8 };

export type EdgeAction =
  | { kind: "none" }
  | { kind: "seek"; to: number }
  | { kind: "rate"; rate: number };

type Pace = "normal" | "faster" | "slower";
const SLOWER = 0.95;
/** How fast to run by the seconds behind what is aimed at, longest lag first. */
const FASTER: readonly (readonly [beyondS: number, rate: number])[] = [[0.8, 1.15], [0.4, 1.1], [0, 1.05]];
/** So near the target the picture runs at normal speed again. */
const CAUGHT_UP_S = 0.05;
const GAP_STEP_S = 0.02;
const GROW = 1.4;
const SHRINK_PER_S = 0.02;
/** Pictures that fail to come within this time are one gap, however often the browser says so. */
const ONE_GAP_S = 1;
const CLOSE_S = 0.05;
const FIRST_LOOK_S = 0.5;
const LEAST_CHANGE = 0.02;

export class LiveEdge {
  private target: number;
  private pace: Pace = "normal";
  private told = 1;
  private base = 1;
  private isSettled = false;
  private sinceDryS = ONE_GAP_S;

  constructor(private readonly config: EdgeConfig = EDGE) {
    this.target = config.targetS;
  }

  /** The delay aimed at just now. */
  get targetS(): number {
    return this.target;
  }

  /** How fast media time runs: 1 unless a recording is played at another speed. */
  setBase(base: number): void {
    this.base = base;
  }

  /** The picture ran dry. */
  ranDry(): void {
    if (this.sinceDryS >= ONE_GAP_S) {
      this.target = Math.min(this.config.longestTargetS, this.target * GROW);
    }
    this.sinceDryS = 0;
  }

  /** So many seconds passed. */
  settle(elapsedS: number): void {
    this.sinceDryS += elapsedS;
    this.target = Math.max(this.config.targetS, this.target - SHRINK_PER_S * elapsedS);
  }

  /** What to do with the playback position `position`, given what is buffered. */
  decide(ranges: readonly TimeRange[], position: number): EdgeAction {
    const last = ranges.at(-1);
    if (last === undefined) return { kind: "none" };
    const target = this.target * this.base;
    const edge = Math.max(last.start, last.end - target);
    const current = ranges.find((range) => position >= range.start - CLOSE_S && position <= range.end);
    if (current === undefined) return this.leap(ranges, position, edge);
    const delay = last.end - position;
    // The first pictures come in one burst from the cache: nobody minds a jump before the first look.
    const limit = this.isSettled ? Math.max(this.config.jumpS * this.base, target * 2) : target * 1.5;
    this.isSettled ||= delay > limit || position > last.start + FIRST_LOOK_S;
    if (delay > limit) return { kind: "seek", to: edge };
    if (current !== last && current.end - position < CLOSE_S) {
      return { kind: "seek", to: Math.max(edge, last.start + GAP_STEP_S) };
    }
    return this.steer(delay / this.base);
  }

  /** The span to remove so that memory stays bounded, or null when it is not worth the work. */
  trim(ranges: readonly TimeRange[], position: number): TimeRange | null {
    const first = ranges[0];
    if (first === undefined) return null;
    const end = position - this.config.keepS;
    return end - first.start > this.config.keepS ? { start: first.start, end } : null;
  }

  /** Outside everything buffered: before it, in a hole, or after a restart of the time line. */
  private leap(ranges: readonly TimeRange[], position: number, edge: number): EdgeAction {
    const following = ranges.find((range) => range.start > position);
    if (following !== undefined) {
      return { kind: "seek", to: Math.max(edge, following.start + GAP_STEP_S) };
    }
    const last = ranges.at(-1);
    const isFarAhead = last !== undefined && position - last.end > this.config.jumpS;
    return isFarAhead ? { kind: "seek", to: edge } : { kind: "none" };
  }

  private steer(delay: number): EdgeAction {
    const lag = delay - this.target;
    if (lag > this.config.slackS) this.pace = "faster";
    else if (delay < this.target * 0.3) this.pace = "slower";
    else if (this.pace === "faster" ? lag <= CAUGHT_UP_S : delay >= this.target * 0.7) {
      this.pace = "normal";
    }
    const rate = Math.min(FASTEST, Math.max(SLOWEST, this.rateFor(lag) * this.base));
    if (Math.abs(rate / this.told - 1) < LEAST_CHANGE) return { kind: "none" };
    this.told = rate;
    return { kind: "rate", rate };
  }

  private rateFor(lag: number): number {
    if (this.pace !== "faster") return this.pace === "slower" ? SLOWER : 1;
    return FASTER.find(([beyond]) => lag > beyond)?.[1] ?? 1;
  }
}
