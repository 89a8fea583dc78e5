import { describe, expect, it } from "vitest";
import { EDGE, LiveEdge } from "../player/live_edge";

/** An edge that is past its first look, playing at normal speed. */
function settled(): LiveEdge {
  const edge = new LiveEdge();
  edge.decide([{ start: 0, end: 10 }], 10 - EDGE.targetS);
  return edge;
}

describe("the live edge", () => {
  it("does nothing without data", () => {
    expect(new LiveEdge().decide([], 0)).toEqual({ kind: "none" });
  });

  it("jumps into the first data when it does not begin at zero", () => {
    const action = new LiveEdge().decide([{ start: 1234, end: 1234.2 }], 0);
    expect(action).toEqual({ kind: "seek", to: expect.closeTo(1234.02) });
  });

  it("skips the burst from the cache before the first look", () => {
    expect(new LiveEdge().decide([{ start: 0, end: 2 }], 0)).toEqual({ kind: "seek", to: 2 - EDGE.targetS });
  });

  it("catches up small lags by playing a little faster, then returns to normal", () => {
    const edge = settled();
    expect(edge.decide([{ start: 0, end: 11 }], 10)).toEqual({ kind: "rate", rate: 1.1 });
    expect(edge.decide([{ start: 0, end: 11.5 }], 11)).toEqual({ kind: "none" });
    expect(edge.decide([{ start: 0, end: 11.5 }], 11.15)).toEqual({ kind: "rate", rate: 1 });
  });

  it("slows down before it runs dry", () => {
    expect(settled().decide([{ start: 0, end: 11 }], 10.95)).toEqual({ kind: "rate", rate: 0.95 });
  });

  it("jumps over large lags", () => {
    expect(settled().decide([{ start: 0, end: 20 }], 10)).toEqual({ kind: "seek", to: 20 - EDGE.targetS });
  });

  it("leaps over a hole where pictures were dropped", () => {
    const action = settled().decide([{ start: 0, end: 10 }, { start: 12, end: 12.4 }], 10.5);
    expect(action).toEqual({ kind: "seek", to: expect.closeTo(12.05) });
  });

  it("leaves the end of a range when newer pictures follow", () => {
    const action = settled().decide([{ start: 0, end: 10 }, { start: 10.5, end: 10.9 }], 9.98);
    expect(action).toEqual({ kind: "seek", to: expect.closeTo(10.55) });
  });

  it("waits at the edge when there is nothing newer", () => {
    expect(settled().decide([{ start: 0, end: 10 }], 10.2)).toEqual({ kind: "none" });
  });

  it("follows a time line that began anew", () => {
    expect(settled().decide([{ start: 0, end: 1 }], 100)).toMatchObject({ kind: "seek" });
  });

  it("aims further back each time it ran dry, within its limit, and relaxes with time", () => {
    const edge = new LiveEdge();
    for (let i = 0; i < 20; i += 1) edge.ranDry();
    expect(edge.targetS).toBe(EDGE.longestTargetS);
    edge.settle(1_000);
    expect(edge.targetS).toBe(EDGE.targetS);
  });

  it("stays under a second of delay by default", () => {
    expect(EDGE.targetS * 2).toBeLessThan(1);
  });

  it("trims what was played, but not what is just behind", () => {
    const edge = new LiveEdge();
    expect(edge.trim([{ start: 0, end: 60 }], 59)).toEqual({ start: 0, end: 59 - EDGE.keepS });
    expect(edge.trim([{ start: 50, end: 60 }], 59)).toBeNull();
    expect(edge.trim([], 59)).toBeNull();
  });
});
