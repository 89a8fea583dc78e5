import { describe, expect, it } from "vitest";
import type { Point } from "../contract";
import { addCorner, cornerAt, isUsable, moveCorner, onKey, removeSelected } from "../components/polygon";

const SQUARE: Point[] = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]];

describe("drawing a region", () => {
  it("adds corners in the order of the clicks", () => {
    let state = { points: [] as readonly Point[], selected: null as number | null };
    for (const point of SQUARE.slice(0, 3)) state = addCorner(state, point);
    expect(state.points).toEqual(SQUARE.slice(0, 3));
  });

  it("bends the nearest side by a later click", () => {
    const state = addCorner({ points: SQUARE, selected: null }, [0.5, 0.1]);
    expect(state.points[1]).toEqual([0.5, 0.1]);
    expect(state.selected).toBe(1);
  });

  it("takes hold of a corner within reach, by the picture's shape", () => {
    expect(cornerAt(SQUARE, [0.21, 0.21], 16 / 9)).toBe(0);
    expect(cornerAt(SQUARE, [0.5, 0.5], 16 / 9)).toBeNull();
  });

  it("keeps corners inside the picture", () => {
    expect(moveCorner({ points: SQUARE, selected: 0 }, 0, [-1, 2]).points[0]).toEqual([0, 1]);
  });

  it("removes the chosen corner, or the last one", () => {
    expect(removeSelected({ points: SQUARE, selected: 0 }).points).toEqual(SQUARE.slice(1));
    expect(removeSelected({ points: SQUARE, selected: null }).points).toEqual(SQUARE.slice(0, 3));
    expect(removeSelected({ points: [], selected: null }).points).toEqual([]);
  });

  it("can be done by keys alone", () => {
    const chosen = onKey({ points: SQUARE, selected: null }, " ");
    expect(chosen?.selected).toBe(0);
    const moved = onKey({ points: SQUARE, selected: 0 }, "ArrowRight");
    expect(moved?.points[0]?.[0]).toBeCloseTo(0.21);
    expect(onKey({ points: SQUARE, selected: 1 }, "Delete")?.points).toHaveLength(3);
    expect(onKey({ points: SQUARE, selected: 1 }, "x")).toBeNull();
  });

  it("is the whole picture or an area", () => {
    expect(isUsable([])).toBe(true);
    expect(isUsable(SQUARE)).toBe(true);
    expect(isUsable(SQUARE.slice(0, 2))).toBe(false);
    expect(isUsable([[0.1, 0.1], [0.2, 0.2], [0.3, 0.3]])).toBe(false);
  });
});
