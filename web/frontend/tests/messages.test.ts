import { describe, expect, it } from "vitest";
import { Backoff } from "../backoff";
import { parseEvent } from "../events";
import { codecName, failureOf, parseLiveMessage } from "../player/protocol";

describe("messages of a live WebSocket", () => {
  it("are state, init and ended", () => {
    expect(parseLiveMessage('{"type":"state","state":"connecting","step":"invite"}'))
      .toMatchObject({ type: "state", step: "invite" });
    expect(parseLiveMessage('{"type":"init","mime":"video/mp4","codec":"H264","width":1,"height":2}'))
      .toMatchObject({ type: "init", mime: "video/mp4" });
    expect(parseLiveMessage('{"type":"ended","reason":"stopped"}')).toEqual({ type: "ended", reason: "stopped" });
  });

  it.each(["", "{", "null", "7", '{"type":"init"}', '{"type":"future"}'])("ignore %s", (text) => {
    expect(parseLiveMessage(text)).toBeNull();
  });

  it("name codecs as people do", () => {
    expect(["H264", "avc1.64001f", "h265", "HEVC", "hvc1.1.6.L93.B0", null, "mpeg4"].map(codecName))
      .toEqual(["H.264", "H.264", "H.265", "H.265", "H.265", "", "MPEG4"]);
  });

  it("fall back to the server's word where it has no title", () => {
    expect(failureOf({ reason: "no_media" })).toEqual(
      { step: null, reason: "no_media", title: "no_media", hint: "", detail: "" });
  });
});

describe("events", () => {
  it("come flat with type and time", () => {
    expect(parseEvent('{"type":"channel_status","at":"t","code":"1","online":true}'))
      .toEqual({ type: "channel_status", at: "t", body: { code: "1", online: true } });
    expect(parseEvent("[]")).toBeNull();
  });
});

describe("waiting before the next attempt", () => {
  it("doubles up to its limit and starts over after success", () => {
    const backoff = new Backoff(1_000, 8_000, () => 0.5);
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([1_000, 2_000, 4_000, 8_000, 8_000]);
    backoff.reset();
    expect(backoff.next()).toBe(1_000);
  });

  it("is spread so that a wall does not come back in one instant", () => {
    expect(new Backoff(1_000, 8_000, () => 0).next()).toBe(750);
    expect(new Backoff(1_000, 8_000, () => 1).next()).toBe(1_250);
  });
});
