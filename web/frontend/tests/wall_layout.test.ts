import { describe, expect, it } from "vitest";
import {
  emptyWall, isWallState, neighbour, slotFor, swapped, visibleSlots, type WallState,
} from "../components/wall_layout";

function wall(codes: (string | null)[], more: Partial<WallState> = {}): WallState {
  return { ...emptyWall(), codes: [...codes, ...Array.from({ length: 9 - codes.length }, () => null)], ...more };
}

describe("the wall's slots", () => {
  it("shows the first slots of its layout, one on a phone, the focused one alone", () => {
    expect(visibleSlots(wall([]), false)).toEqual([0, 1, 2, 3]);
    expect(visibleSlots(wall([], { focus: 2 }), true)).toEqual([2]);
    expect(visibleSlots(wall([], { layout: 1, focus: 7 }), false)).toEqual([7]);
  });

  it("goes to a picture that is open already", () => {
    expect(slotFor(wall(["a", "b"]), "b", [0, 1, 2, 3])).toBe(1);
  });

  it("fills the focused slot if it is free, else the first free one, else replaces the focused", () => {
    expect(slotFor(wall(["a"], { focus: 3 }), "x", [0, 1, 2, 3])).toBe(3);
    expect(slotFor(wall(["a", null, "c"], { focus: 0 }), "x", [0, 1, 2, 3])).toBe(1);
    expect(slotFor(wall(["a", "b", "c", "d"], { focus: 2 }), "x", [0, 1, 2, 3])).toBe(2);
  });

  it("pages through open pictures in a ring", () => {
    const state = wall(["a", null, "c"], { focus: 0 });
    expect(neighbour(state, 1)).toBe(2);
    expect(neighbour({ ...state, focus: 2 }, 1)).toBe(0);
    expect(neighbour(state, -1)).toBe(2);
    expect(neighbour(wall(["a"]), 1)).toBe(0);
  });

  it("swaps two slots and follows the dragged one", () => {
    const state = swapped(wall(["a", "b"]), 0, 1);
    expect(state.codes.slice(0, 2)).toEqual(["b", "a"]);
    expect(state.focus).toBe(1);
  });

  it("accepts only what is a wall from storage", () => {
    expect(isWallState(emptyWall())).toBe(true);
    for (const bad of [null, {}, { ...emptyWall(), layout: 5 }, { ...emptyWall(), focus: 9 },
      { ...emptyWall(), codes: ["a"] }, { ...emptyWall(), codes: Array(9).fill(3) }]) {
      expect(isWallState(bad)).toBe(false);
    }
  });
});
