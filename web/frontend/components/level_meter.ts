/** A sound level as a bar: green, yellow near the top, red where it clips; the last peak falls slowly. */

import { h } from "../dom";

const FALL = 0.9;
const NEAR_TOP = 0.7;
const CLIPS = 0.97;
const LOWEST_DB = -50;

export class LevelMeter {
  readonly element: HTMLElement;
  private readonly bar = h("i", { class: "level-bar" });
  private shown = 0;

  constructor(label: string) {
    this.element = h("span", { class: "level-meter", role: "meter", "aria-label": label,
      "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": 0 }, this.bar);
  }

  /** Take a peak of 0 to 1. */
  show(peak: number): void {
    this.shown = Math.max(peak, this.shown * FALL);
    const share = shareOf(this.shown);
    this.bar.style.width = `${Math.round(share * 100)}%`;
    this.element.dataset["tone"] = this.shown >= CLIPS ? "bad" : this.shown >= NEAR_TOP ? "warn" : "ok";
    this.element.setAttribute("aria-valuenow", String(Math.round(share * 100)));
  }
}

/** Ears hear ratios: -50 dB and below is nothing, full scale is all. */
export function shareOf(peak: number): number {
  if (peak <= 0) return 0;
  return Math.max(0, Math.min(1, 1 - 20 * Math.log10(peak) / LOWEST_DB));
}
