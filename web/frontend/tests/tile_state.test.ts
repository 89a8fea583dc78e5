import { describe, expect, it } from "vitest";
import { next, STALL_AFTER_MS, type TileEvent, type TileState } from "../player/tile_state";

const failure = { step: "media", reason: "no_media", title: "x", hint: "y", detail: "" };
const connecting = next({ name: "idle" }, { type: "open" }, 1_000);
const live = next(connecting, { type: "frame" }, 2_000);

describe("a tile's state", () => {
  it("becomes live by a presented frame only", () => {
    for (const type of ["step", "tick"] as const) {
      const event = type === "step" ? { type, step: "playing" } : { type, isVisible: true };
      expect(next(connecting, event as TileEvent, 5_000).name).toBe("connecting");
    }
    expect(live).toEqual({ name: "live", since: 2_000, lastFrameAt: 2_000 });
  });

  it("names the step it is at", () => {
    expect(next(connecting, { type: "step", step: "invite" }, 1_100)).toMatchObject({ step: "invite" });
  });

  it("names the way of media that is tried, anew for each", () => {
    const udp = next(connecting, { type: "step", step: "invite", transport: "udp" }, 1_100);
    expect(udp).toMatchObject({ step: "invite", transport: "udp" });
    expect(next(udp, { type: "step", step: "invite", transport: "udp" }, 1_200)).toBe(udp);
    expect(next(udp, { type: "step", step: "invite", transport: "tcp-passive" }, 1_200))
      .toMatchObject({ step: "invite", transport: "tcp-passive" });
  });

  it("is stalled 3 s after the last frame, since that frame", () => {
    const moving = next(live, { type: "frame" }, 4_000);
    expect(next(moving, { type: "tick", isVisible: true }, 4_000 + STALL_AFTER_MS - 1)).toBe(moving);
    expect(next(moving, { type: "tick", isVisible: true }, 4_000 + STALL_AFTER_MS))
      .toEqual({ name: "stalled", since: 4_000, reason: null });
  });

  it("does not count time in a hidden page as a stall", () => {
    const hidden = next(live, { type: "tick", isVisible: false }, 60_000);
    expect(next(hidden, { type: "tick", isVisible: true }, 61_000).name).toBe("live");
  });

  it("shows a lost connection at once, since the last frame", () => {
    expect(next(live, { type: "closed", reason: "connection" }, 2_500))
      .toEqual({ name: "stalled", since: 2_000, reason: "connection" });
  });

  it("comes back to live by a new frame", () => {
    const stalled = next(live, { type: "closed", reason: "connection" }, 2_500);
    expect(next(stalled, { type: "frame" }, 9_000)).toMatchObject({ name: "live", since: 9_000 });
  });

  it("counts attempts that ended before a picture", () => {
    const ended = next(connecting, { type: "closed", reason: "connection" }, 3_000);
    expect(ended).toMatchObject({ name: "connecting", attempt: 1, reason: "connection" });
    const again = next(ended, { type: "open" }, 4_000);
    expect(again).toMatchObject({ name: "connecting", attempt: 2, reason: "connection" });
  });

  it.each<TileEvent>([
    { type: "failed", ...failure },
    { type: "unplayable", codec: "H265", mime: "m" },
    { type: "offline", since: null, cause: "expired" },
    { type: "denied" },
    { type: "close" },
  ])("is not revived by a late frame after $type", (event) => {
    const ended = next(live, event, 3_000);
    expect(next(ended, { type: "frame" }, 3_100)).toBe(ended);
    expect(next(ended, { type: "tick", isVisible: true }, 99_000)).toBe(ended);
  });

  it("keeps what a failure says", () => {
    expect(next(live, { type: "failed", ...failure }, 7)).toEqual({ name: "failed", since: 7, ...failure });
  });

  it("can be opened again from every state", () => {
    const states: TileState[] = [
      { name: "idle" }, { name: "denied" }, { name: "failed", since: 1, ...failure },
      { name: "offline", since: null, cause: null },
    ];
    for (const state of states) expect(next(state, { type: "open" }, 1).name).toBe("connecting");
  });
});
