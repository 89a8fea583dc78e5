import { describe, expect, it } from "vitest";
import { boxRect, containRect, labelPlace, toFraction } from "../player/geometry";

const LABEL = { width: 60, height: 16 };

describe("geometry of the overlay", () => {
  it("letterboxes like object-fit: contain", () => {
    expect(containRect(400, 400, 1600, 900)).toEqual({ x: 0, y: 87.5, width: 400, height: 225 });
    expect(containRect(800, 225, 1600, 900)).toEqual({ x: 200, y: 0, width: 400, height: 225 });
    expect(containRect(400, 300, 0, 0)).toEqual({ x: 0, y: 0, width: 400, height: 300 });
  });

  it("places a box of fractions on the picture, not on the letterbox", () => {
    const picture = containRect(400, 400, 1600, 900);
    expect(boxRect([0, 0, 0.5, 1], picture)).toEqual({ x: 0, y: 87.5, width: 200, height: 225 });
  });

  it("keeps labels outside their box while there is room", () => {
    const picture = { x: 0, y: 0, width: 400, height: 225 };
    const above = labelPlace({ x: 10, y: 100, width: 50, height: 50 }, LABEL, picture);
    expect(above).toEqual({ x: 10, y: 84 });
    const below = labelPlace({ x: 10, y: 4, width: 50, height: 50 }, LABEL, picture);
    expect(below).toEqual({ x: 10, y: 54 });
    const inside = labelPlace({ x: 0, y: 0, width: 400, height: 225 }, LABEL, picture);
    expect(inside).toEqual({ x: 0, y: 0 });
  });

  it("keeps labels inside the picture sideways", () => {
    const picture = { x: 0, y: 0, width: 400, height: 225 };
    expect(labelPlace({ x: 390, y: 100, width: 10, height: 10 }, LABEL, picture).x).toBe(340);
  });

  it("turns a click into a fraction of the picture, kept inside it", () => {
    const picture = { x: 0, y: 87.5, width: 400, height: 225 };
    expect(toFraction(200, 200, picture)).toEqual([0.5, 0.5]);
    expect(toFraction(-20, 400, picture)).toEqual([0, 1]);
  });
});
