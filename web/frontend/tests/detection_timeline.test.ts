import { describe, expect, it } from "vitest";
import type { Detections } from "../contract";
import { DetectionBoard, DetectionTimeline, TICKS_PER_S } from "../player/detection_timeline";

function sample(seconds: number, scene = 1): Detections {
  return {
    channel: "14040000001320000001", scene_id: scene, pts_ticks: Math.round(seconds * TICKS_PER_S),
    wall: "", width: 640, height: 360, boxes: [], region: [[0, 0], [1, 0], [1, 1]],
  };
}

function timeline(...seconds: number[]): DetectionTimeline {
  const made = new DetectionTimeline();
  for (const one of seconds) made.add(sample(one));
  return made;
}

describe("the detection of a picture", () => {
  it("is the newest at or before it, never one from its future", () => {
    const made = timeline(1.0, 1.2, 1.4);
    expect(made.at(1.2)?.pts_ticks).toBe(1.2 * TICKS_PER_S);
    expect(made.at(1.39)?.pts_ticks).toBe(1.2 * TICKS_PER_S);
    expect(made.at(0.9)).toBeNull();
  });

  it("finds its place when it comes late", () => {
    expect(timeline(1.0, 1.4, 1.2).at(1.3)?.pts_ticks).toBe(1.2 * TICKS_PER_S);
  });

  it("is dropped after one and a half sample intervals", () => {
    const made = timeline(1.0, 1.2, 1.4, 1.6);
    expect(made.at(1.6 + 0.29)).not.toBeNull();
    expect(made.at(1.6 + 0.31)).toBeNull();
  });

  it("is dropped after two seconds however seldom samples are", () => {
    const made = timeline(0, 5, 10);
    expect(made.at(11.9)).not.toBeNull();
    expect(made.at(12.1)).toBeNull();
  });

  it("is shown for half a second when it is the only one", () => {
    expect(timeline(10).at(10.4)).not.toBeNull();
    expect(timeline(10).at(10.6)).toBeNull();
  });

  it("is forgotten when the stream's time line begins anew", () => {
    const made = timeline(100, 100.2, 0.2);
    expect(made.at(100.2)).toBeNull();
    expect(made.at(0.3)?.pts_ticks).toBe(0.2 * TICKS_PER_S);
  });

  it("is kept in bounded number", () => {
    const made = timeline(...Array.from({ length: 500 }, (_, index) => index / 10));
    expect(made.at(1)).toBeNull();
    expect(made.at(49.9)).not.toBeNull();
  });
});

describe("the board of a channel", () => {
  it("shows several scenes side by side", () => {
    const board = new DetectionBoard();
    board.add(sample(1.0, 1), 0);
    board.add(sample(1.1, 2), 0);
    expect(board.at(1.2, 0).samples).toHaveLength(2);
  });

  it("keeps a region while its boxes are stale, and drops it with its scene", () => {
    const board = new DetectionBoard();
    board.add(sample(1.0), 0);
    expect(board.at(8, 7_000)).toMatchObject({ samples: [], regions: [[[0, 0], [1, 0], [1, 1]]] });
    expect(board.at(30, 11_000).regions).toEqual([]);
  });
});
