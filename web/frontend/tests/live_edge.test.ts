import { describe, expect, it } from "vitest";
import { EDGE, LiveEdge } from "../player/live_edge";
import { FASTEST, SLOWEST } from "../player/media_rate";

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

  it("tolerates a little more than it aims at", () => {
    const delay = EDGE.targetS + EDGE.slackS - 0.01;
    expect(settled().decide([{ start: 0, end: 11 }], 11 - delay)).toEqual({ kind: "none" });
  });

  it("catches up small lags by playing a little faster, then returns to normal", () => {
    const edge = settled();
    const behind = (lag: number) => edge.decide([{ start: 0, end: 11 }], 11 - EDGE.targetS - lag);
    expect(behind(0.21)).toEqual({ kind: "rate", rate: 1.05 });
    expect(behind(0.1)).toEqual({ kind: "none" });
    expect(behind(0.04)).toEqual({ kind: "rate", rate: 1 });
  });

  it("plays the faster the further it is behind", () => {
    const edge = settled();
    const behind = (lag: number) => edge.decide([{ start: 0, end: 11 }], 11 - EDGE.targetS - lag);
    expect(behind(1.5)).toEqual({ kind: "rate", rate: 1.15 });
    expect(behind(0.7)).toEqual({ kind: "rate", rate: 1.1 });
    expect(behind(0.3)).toEqual({ kind: "rate", rate: 1.05 });
  });

  it("comes back below the tolerated delay after the network held pictures back", () => {
    const edge = settled();
    let [end, position, rate] = [10, 10 - EDGE.targetS - 0.9, 1];
    for (let tick = 0; tick < 80; tick += 1) {
      const action = edge.decide([{ start: 0, end }], position);
      expect(action.kind).not.toBe("seek");
      if (action.kind === "rate") rate = action.rate;
      end += 0.25;
      position += 0.25 * rate;
    }
    expect(end - position).toBeLessThan(EDGE.targetS + EDGE.slackS);
    expect(end - position).toBeGreaterThan(EDGE.targetS * 0.7);
  });

  it("slows down before it runs dry", () => {
    expect(settled().decide([{ start: 0, end: 11 }], 10.95)).toEqual({ kind: "rate", rate: 0.95 });
  });

  it("jumps over large lags", () => {
    expect(settled().decide([{ start: 0, end: 20 }], 10)).toEqual({ kind: "seek", to: 20 - EDGE.targetS });
  });

  it("leaps over a hole where pictures were dropped", () => {
    const action = settled().decide([{ start: 0, end: 10 }, { start: 12, end: 12.4 }], 10.5);
    expect(action).toEqual({ kind: "seek", to: expect.closeTo(12.1) });
  });

  it("leaves the end of a range when newer pictures follow", () => {
    const action = settled().decide([{ start: 0, end: 10 }, { start: 10.5, end: 10.9 }], 9.98);
    expect(action).toEqual({ kind: "seek", to: expect.closeTo(10.6) });
  });

  it("waits at the edge when there is nothing newer", () => {
    expect(settled().decide([{ start: 0, end: 10 }], 10.2)).toEqual({ kind: "none" });
  });

  it("follows a time line that began anew", () => {
    expect(settled().decide([{ start: 0, end: 1 }], 100)).toMatchObject({ kind: "seek" });
  });

  it("aims further back each time it ran dry, within its limit, and relaxes with time", () => {
    const edge = new LiveEdge();
    for (let i = 0; i < 20; i += 1) {
      edge.ranDry();
      edge.settle(1);
    }
    expect(edge.targetS).toBeGreaterThan(EDGE.longestTargetS * 0.9);
    expect(edge.targetS).toBeLessThanOrEqual(EDGE.longestTargetS);
    edge.settle(1_000);
    expect(edge.targetS).toBe(EDGE.targetS);
  });

  it("takes one gap for one, however often the browser says that it waits", () => {
    const edge = new LiveEdge();
    edge.ranDry();
    const target = edge.targetS;
    edge.settle(0.25);
    edge.ranDry();
    expect(target).toBeGreaterThan(EDGE.targetS);
    expect(edge.targetS).toBeLessThanOrEqual(target);
  });

  it("asks for no rate that browsers refuse, however slowly the media come", () => {
    for (const base of [SLOWEST, FASTEST]) {
      for (const delay of [0.001, 0.5, 0.9]) {
        const edge = settled();
        edge.setBase(base);
        const action = edge.decide([{ start: 0, end: 100 }], 100 - delay * base);
        if (action.kind === "rate") {
          expect(action.rate).toBeGreaterThanOrEqual(SLOWEST);
          expect(action.rate).toBeLessThanOrEqual(FASTEST);
        }
      }
    }
  });

  it("leaves half of a second to camera and server by default", () => {
    expect(EDGE.targetS + EDGE.slackS).toBeLessThanOrEqual(0.5);
  });

  it("keeps below a second even when the picture ran dry twice", () => {
    const edge = new LiveEdge();
    for (let gap = 0; gap < 2; gap += 1) {
      edge.ranDry();
      edge.settle(1);
    }
    expect(edge.targetS + EDGE.slackS).toBeLessThan(0.8);
  });

  it("trims what was played, but not what is just behind", () => {
    const edge = new LiveEdge();
    expect(edge.trim([{ start: 0, end: 60 }], 59)).toEqual({ start: 0, end: 59 - EDGE.keepS });
    expect(edge.trim([{ start: 50, end: 60 }], 59)).toBeNull();
    expect(edge.trim([], 59)).toBeNull();
  });
});
