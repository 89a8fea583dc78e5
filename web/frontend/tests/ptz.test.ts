import { describe, expect, it, vi } from "vitest";
import { differing } from "../components/config_editor";
import { dragAxis, keySteering, PtzDrive, stickAxis } from "../components/ptz_drive";
import { pictureRect, zoomFrame } from "../components/ptz_picture";
import { STOP, type Steering } from "../control_api";

function driver(send: (steering: Steering) => Promise<unknown> = () => Promise.resolve()) {
  const sent: Steering[] = [];
  let tick: () => void = () => undefined;
  const problems: unknown[] = [];
  const timers = {
    setInterval: (run: () => void) => { tick = run; return 1; },
    clearInterval: () => { tick = () => undefined; },
  } as unknown as Window;
  const drive = new PtzDrive({
    send: (steering) => { sent.push(steering); return send(steering); },
    onProblem: (error) => problems.push(error),
    timers,
  });
  return { drive, sent, problems, tick: () => tick() };
}

describe("holding a movement", () => {
  it("says it at once, renews it, and stops it once", async () => {
    const { drive, sent, tick } = driver();
    drive.hold({ pan: 0.5 });
    drive.hold({ pan: 0.5 });
    await vi.waitFor(() => { tick(); expect(sent.length).toBeGreaterThan(1); });
    drive.release();
    drive.release();
    expect(sent.slice(0, -1).every((steering) => steering.pan === 0.5)).toBe(true);
    expect(sent.at(-1)).toEqual(STOP);
    expect(sent.filter((steering) => steering.pan === 0).length).toBe(1);
  });

  it("does not pile up renewals on a slow line", () => {
    const { drive, sent, tick } = driver(() => new Promise(() => undefined));
    drive.hold({ tilt: 1 });
    tick();
    tick();
    expect(sent.length).toBe(1);
    drive.release();
    expect(sent.at(-1)).toEqual(STOP);
  });

  it("changes direction at once, and all keys up is a stop", () => {
    const { drive, sent } = driver();
    drive.hold({ pan: 1 });
    drive.hold({ pan: 1, tilt: 1 });
    drive.hold({});
    expect(sent.map(({ pan, tilt }) => [pan, tilt])).toEqual([[1, 0], [1, 1], [0, 0]]);
  });

  it("gives up when it is refused", async () => {
    const { drive, problems } = driver(() => Promise.reject(new Error("held")));
    drive.hold({ pan: 1 });
    await vi.waitFor(() => expect(problems.length).toBe(1));
    expect(drive.isMoving).toBe(false);
  });
});

describe("what steers", () => {
  it("keys, several at once, opposite ones cancel", () => {
    expect(keySteering(new Set(["arrowup", "arrowright"]), 0.5)).toEqual({ pan: 0.5, tilt: 0.5, zoom: 0 });
    expect(keySteering(new Set(["arrowleft", "arrowright", "-"]), 1)).toEqual({ pan: 0, tilt: 0, zoom: -1 });
  });

  it("a stick at rest does not", () => {
    expect([stickAxis(undefined), stickAxis(0.1), stickAxis(-1), stickAxis(0.59)]).toEqual([0, 0, -1, 0.5]);
  });

  it("a drag by its length", () => {
    expect([dragAxis(3, 100), dragAxis(50, 100), dragAxis(-300, 100)]).toEqual([0, 0.5, -1]);
  });
});

describe("a rectangle on the picture", () => {
  const video = { width: 1920, height: 1080 };

  it("counts from the picture, not from its bars", () => {
    const rect = pictureRect({ left: 0, top: 0, width: 960, height: 640 }, video);
    expect(rect).toEqual({ left: 0, top: 50, width: 960, height: 540 });
    expect(zoomFrame({ x: 240, y: 185 }, { x: 480, y: 320 }, rect, video)).toEqual({
      width: 1920, height: 1080, mid_x: 720, mid_y: 405, length_x: 480, length_y: 270, direction: "in" });
  });

  it("drawn backwards zooms out; a click is none", () => {
    const rect = { left: 0, top: 0, width: 192, height: 108 };
    expect(zoomFrame({ x: 100, y: 100 }, { x: 50, y: 50 }, rect, video)?.direction).toBe("out");
    expect(zoomFrame({ x: 100, y: 100 }, { x: 104, y: 101 }, rect, video)).toBeNull();
  });
});

describe("configuration that was written", () => {
  it("is compared with what the device has then", () => {
    const kept = { a: 1, b: [{ x: 1, y: 2 }], c: "x", d: null };
    expect(differing({ a: 1, b: [{ x: 1, y: null }], d: null }, kept)).toEqual([]);
    expect(differing({ a: 2, b: [], c: "y" }, kept)).toEqual(["a", "b", "c"]);
  });
});
