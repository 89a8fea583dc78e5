import { describe, expect, it } from "vitest";
import { shareOf } from "../components/level_meter";

describe("the level meter", () => {
  it("shows nothing for silence and all for full scale", () => {
    expect(shareOf(0)).toBe(0);
    expect(shareOf(0.001)).toBe(0);
    expect(shareOf(1)).toBe(1);
  });

  it("hears ratios, not differences", () => {
    expect(shareOf(0.5) - shareOf(0.25)).toBeCloseTo(shareOf(0.25) - shareOf(0.125), 5);
  });
});
