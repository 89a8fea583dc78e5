import { describe, expect, it } from "vitest";
import type { Segment } from "../contract";
import {
  dayView, fileAt, neighbourFile, shareOf, stretchAt, stretchesOf, ticksOf, timeAt, unbroken, zoomed,
} from "../components/timeline_model";

const DAY = Date.parse("2026-11-20T00:00:00+08:00");
const MINUTE = 60_000;

function file(from: number, to: number, source: "device" | "local" = "device", kind = "time"): Segment {
  const at = (minutes: number): string => new Date(DAY + minutes * MINUTE).toISOString();
  return { id: `${source}${from}`, start: at(from), end: at(to), duration_s: (to - from) * 60, bytes: 1,
    codec: null, source, record_type: kind };
}

const FILES = [file(20, 30), file(0, 10), file(10, 20, "device", "alarm"), file(40, 50), file(5, 6, "local")];
const STRETCHES = stretchesOf(FILES);

describe("the timeline", () => {
  it("joins neighbouring files of one place and kind, and keeps alarms apart", () => {
    expect(STRETCHES.map((each) => [each.source, each.kind, (each.start - DAY) / MINUTE, (each.end - DAY) / MINUTE]))
      .toEqual([["device", "time", 0, 10], ["local", "time", 5, 6], ["device", "alarm", 10, 20],
        ["device", "time", 20, 30], ["device", "time", 40, 50]]);
    expect(stretchesOf([file(0, 1), file(1, 2), file(2, 3)])).toHaveLength(1);
  });

  it("takes files of older servers as local", () => {
    const { source: _, record_type: __, ...old } = file(0, 1);
    expect(stretchesOf([old])[0]?.source).toBe("local");
  });

  it("finds what is there, else what comes next, else nothing", () => {
    expect(stretchAt(STRETCHES, DAY + 12 * MINUTE, "device")?.kind).toBe("alarm");
    expect(stretchAt(STRETCHES, DAY + 35 * MINUTE, "device")?.start).toBe(DAY + 40 * MINUTE);
    expect(stretchAt(STRETCHES, DAY + 50 * MINUTE, "device")).toBeNull();
    expect(stretchAt(STRETCHES, DAY, "local")?.start).toBe(DAY + 5 * MINUTE);
  });

  it("tells how far one may play without a gap, over the kinds", () => {
    expect(unbroken(STRETCHES, DAY + 5 * MINUTE, "device")).toBe(DAY + 30 * MINUTE);
    expect(unbroken(STRETCHES, DAY + 45 * MINUTE, "device")).toBe(DAY + 50 * MINUTE);
    expect(unbroken(STRETCHES, DAY + 35 * MINUTE, "device")).toBeNull();
  });

  it("steps from file to file", () => {
    expect(neighbourFile(STRETCHES, DAY + 5 * MINUTE, "device", 1)?.id).toBe("device10");
    expect(neighbourFile(STRETCHES, DAY + 25 * MINUTE, "device", -1)?.id).toBe("device10");
    expect(neighbourFile(STRETCHES, DAY + 5 * MINUTE, "device", -1)).toBeNull();
    expect(neighbourFile(STRETCHES, DAY + 45 * MINUTE, "device", 1)).toBeNull();
    expect(fileAt(STRETCHES, DAY + 10 * MINUTE, "device")?.id).toBe("device10");
    expect(fileAt(STRETCHES, DAY + 35 * MINUTE, "device")).toBeNull();
  });

  it("maps places of the bar to moments and back", () => {
    const view = dayView(DAY);
    expect(shareOf(view, DAY + 360 * MINUTE)).toBe(0.25);
    expect(timeAt(view, 0.25)).toBe(DAY + 360 * MINUTE);
    expect(timeAt(view, 7)).toBe(view.to);
  });

  it("zooms around the pointer and never beyond the day", () => {
    const day = dayView(DAY);
    const noon = DAY + 720 * MINUTE;
    const closer = zoomed(day, noon, 0.5, day);
    expect(shareOf(closer, noon)).toBeCloseTo(0.5);
    expect(zoomed(closer, noon, 100, day)).toEqual(day);
    expect(zoomed(day, DAY, 0.0001, day)).toEqual({ from: DAY, to: DAY + 5 * MINUTE });
  });

  it("marks at most a dozen moments", () => {
    const day = dayView(DAY);
    for (const factor of [1, 0.5, 0.1, 0.01]) {
      const ticks = ticksOf(zoomed(day, DAY + 300 * MINUTE, factor, day));
      expect(ticks.length).toBeGreaterThan(3);
      expect(ticks.length).toBeLessThanOrEqual(13);
    }
  });
});
