/** Alarm sounds: one short figure per level, silenced for five minutes at most, never for ever. */

import type { AlarmLevel } from "./contract";
import { isNumber, recall, remember } from "./preferences";

export const MUTE_MS = 5 * 60_000;
const MUTED_UNTIL = "muted-until";

/** Frequencies in Hz, one per note of 0.16 s: the graver the level, the more urgent the figure. */
const FIGURES: Record<AlarmLevel, number[]> = {
  1: [880, 660, 880, 660, 880, 660],
  2: [740, 0, 740, 0, 740],
  3: [587, 0, 587],
  4: [440],
};
const NOTE_S = 0.16;
const VOLUME = 0.12;

export class AlarmSound {
  private context: AudioContext | null = null;

  constructor(private readonly now: () => number = Date.now) {}

  /** Milliseconds of silence that are left. */
  get mutedForMs(): number {
    const until = recall(MUTED_UNTIL, 0, isNumber);
    return Math.min(MUTE_MS, Math.max(0, until - this.now()));
  }

  /** Silent for five minutes, or audible again. */
  toggle(): void {
    remember(MUTED_UNTIL, this.mutedForMs > 0 ? 0 : this.now() + MUTE_MS);
  }

  /** Browsers play nothing before the first click; this click counts. */
  unlock(): void {
    this.context ??= new AudioContext();
    void this.context.resume();
  }

  play(level: AlarmLevel): void {
    if (this.mutedForMs > 0 || this.context === null || this.context.state !== "running") return;
    const gain = this.context.createGain();
    gain.gain.value = VOLUME;
    gain.connect(this.context.destination);
    const start = this.context.currentTime;
    FIGURES[level].forEach((frequency, index) => {
      if (frequency > 0 && this.context !== null) note(this.context, gain, frequency, start + index * NOTE_S);
    });
  }
}

function note(context: AudioContext, target: AudioNode, frequency: number, at: number): void {
  const oscillator = context.createOscillator();
  oscillator.type = "triangle";
  oscillator.frequency.value = frequency;
  oscillator.connect(target);
  oscillator.start(at);
  oscillator.stop(at + NOTE_S * 0.9);
}
