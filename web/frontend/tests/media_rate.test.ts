import { describe, expect, it } from "vitest";
import { LiveEdge } from "../player/live_edge";
import { MediaRate } from "../player/media_rate";

/** What comes of media that runs at `rate` for some seconds, looked at four times a second. */
function after(rate: number, seconds: number, meter = new MediaRate(), from = 0): number {
  let found = 1;
  for (let at = 0; at <= seconds * 1000; at += 250) found = meter.note(from + (rate * at) / 1000, from * 1000 + at);
  return found;
}

describe("the rate of media time", () => {
  it("is what the stamps show, however the device writes them", () => {
    for (const rate of [0.25, 0.5, 1, 2, 4]) expect(after(rate, 4)).toBeCloseTo(rate);
  });

  it("is kept while nothing comes", () => {
    const meter = new MediaRate();
    after(4, 4, meter);
    for (let at = 4000; at < 9000; at += 250) expect(meter.note(16, at)).toBeGreaterThan(0);
  });

  it("begins anew after a hole", () => {
    const meter = new MediaRate();
    after(1, 4, meter);
    expect(after(4, 4, meter, 1000)).toBeCloseTo(4);
  });

  it("begins with what was agreed, within what browsers play", () => {
    const meter = new MediaRate();
    meter.expect(-4);
    expect(meter.note(5, 0)).toBe(4);
    meter.expect(100);
    expect(meter.note(5, 0)).toBe(16);
  });

  it("makes the edge play at that rate", () => {
    const edge = new LiveEdge();
    edge.decide([{ start: 0, end: 10 }], 9.65);
    edge.setBase(4);
    expect(edge.decide([{ start: 0, end: 12 }], 10.6)).toEqual({ kind: "rate", rate: 4 });
    expect(edge.decide([{ start: 0, end: 16 }], 14.6)).toEqual({ kind: "none" });
  });
});
