/**
 * Which boxes belong to the picture on screen: detections are kept by the stream's own time line
 * and looked up by the presented frame's media time, so boxes never move unless the picture does.
 */

import type { Detections, Point } from "../contract";

export const TICKS_PER_S = 90_000;

const LONGEST_AGE_S = 2;
const INTERVAL_SHARE = 1.5;
const KEPT = 64;
const LEARN_FROM = 8;
/** One sample tells no interval: a box too few is better than one beside its thing. */
const LONE_AGE_S = 0.5;
/** A scene that says nothing for this long has ended: its region goes. */
const SCENE_SILENCE_MS = 10_000;

export class DetectionTimeline {
  private readonly samples: Detections[] = [];

  /** Take in one sample; late ones find their place, old ones fall out. */
  add(sample: Detections): void {
    const last = this.samples.at(-1);
    // A time line that starts again (new source) makes the old samples meaningless.
    if (last !== undefined && last.pts_ticks - sample.pts_ticks > 10 * TICKS_PER_S) this.clear();
    let index = this.samples.length;
    while (index > 0 && (this.samples[index - 1]?.pts_ticks ?? 0) > sample.pts_ticks) index -= 1;
    this.samples.splice(index, 0, sample);
    if (this.samples.length > KEPT) this.samples.shift();
  }

  clear(): void {
    this.samples.length = 0;
  }

  /** The usual distance between samples in seconds, or null before there are two. */
  intervalS(): number | null {
    const recent = this.samples.slice(-LEARN_FROM);
    const gaps = recent.slice(1)
      .map((sample, index) => sample.pts_ticks - (recent[index]?.pts_ticks ?? 0))
      .sort((a, b) => a - b);
    const middle = gaps[Math.floor(gaps.length / 2)];
    return middle === undefined || middle <= 0 ? null : middle / TICKS_PER_S;
  }

  /** A sample is shown for 1.5 intervals (it may be late by half of one), 2 s at the longest. */
  longestAgeS(): number {
    const interval = this.intervalS();
    return interval === null ? LONE_AGE_S : Math.min(LONGEST_AGE_S, interval * INTERVAL_SHARE);
  }

  /** The newest sample at or before `mediaTimeS`, unless it is too old to be about this picture. */
  at(mediaTimeS: number): Detections | null {
    const ticks = Math.round(mediaTimeS * TICKS_PER_S);
    for (let index = this.samples.length - 1; index >= 0; index -= 1) {
      const sample = this.samples[index];
      if (sample === undefined || sample.pts_ticks > ticks + 1) continue;
      const age = (ticks - sample.pts_ticks) / TICKS_PER_S;
      return age <= this.longestAgeS() ? sample : null;
    }
    return null;
  }
}

/** What to draw over one picture: the boxes that belong to it, and the regions being watched. */
export interface Drawing {
  samples: readonly Detections[];
  regions: readonly (readonly Point[])[];
}

interface SceneTrack {
  timeline: DetectionTimeline;
  region: readonly Point[];
  heardAtMs: number;
}

/** The scenes of one channel: each has samples of its own rhythm, and a region that stays. */
export class DetectionBoard {
  private readonly scenes = new Map<string, SceneTrack>();

  add(sample: Detections, nowMs: number): void {
    const key = String(sample.scene_id ?? "");
    const scene = this.scenes.get(key) ?? { timeline: new DetectionTimeline(), region: [], heardAtMs: nowMs };
    scene.timeline.add(sample);
    scene.region = sample.region ?? [];
    scene.heardAtMs = nowMs;
    this.scenes.set(key, scene);
  }

  /** Everything of a past source is about other pictures. */
  clear(): void {
    this.scenes.clear();
  }

  at(mediaTimeS: number, nowMs: number): Drawing {
    for (const [key, scene] of this.scenes) {
      if (nowMs - scene.heardAtMs > SCENE_SILENCE_MS) this.scenes.delete(key);
    }
    const scenes = [...this.scenes.values()];
    return {
      samples: scenes.map(({ timeline }) => timeline.at(mediaTimeS)).filter((sample) => sample !== null),
      regions: scenes.map(({ region }) => region).filter((region) => region.length > 2),
    };
  }
}
