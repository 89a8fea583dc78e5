import { describe, expect, it } from "vitest";
import { ruleFault } from "../components/platform_codes";
import { previewStamp } from "../components/platform_preview";
import { linkTone, nextStep, shape, standing, successShare } from "../components/platform_words";
import type { Scorecard } from "../platform_contract";

const CARD: Scorecard = {
  state: "registered", since: null, failure: null, failure_text: null, status: null, next_attempt_at: null, gb_version: null,
  registered_since: null, catalog: null, invites: 0, invites_ok: 0, first_frame_ms: null, last_failure: null, streams: 0, bytes: 0,
};

describe("how an upper platform stands", () => {
  it("has a tone, a shape and a word for each state", () => {
    const of = (state: string, isEnabled = true) => standing({ is_enabled: isEnabled, scorecard: { ...CARD, state } });
    expect(of("registered")).toEqual({ tone: "ok", word: "registered" });
    expect(of("waiting")).toEqual({ tone: "bad", word: "waiting" });
    expect(of("registering").tone).toBe("wait");
    expect(of("stopped", false)).toEqual({ tone: "off", word: "disabled" });
    expect(of("unregistering", false).word).toBe("unregistering");
    expect(of("eclipse").word).toBe("unknown");
    expect(new Set(["ok", "wait", "bad", "off"].map((tone) => shape(tone as "ok"))).size).toBe(4);
  });

  it("is bad while it registers after a failure", () => {
    expect(standing({ is_enabled: true, scorecard: { ...CARD, state: "registering", failure: "no_answer" } }).tone).toBe("bad");
  });

  it("is one light for all of them", () => {
    expect([linkTone(3, 3), linkTone(1, 3), linkTone(0, 3)]).toEqual(["ok", "warn", "bad"]);
  });
});

describe("figures", () => {
  it("give a share only where somebody called", () => {
    expect(successShare(CARD)).toBeNull();
    expect(successShare({ ...CARD, invites: 3, invites_ok: 2 })).toBe(67);
  });
});

describe("the next step", () => {
  it("leads from the share over the preview to the switch", () => {
    expect(nextStep({ is_enabled: false, channels: 0 }, false)).toBe("share");
    expect(nextStep({ is_enabled: false, channels: 5 }, false)).toBe("preview");
    expect(nextStep({ is_enabled: false, channels: 5 }, true)).toBe("enable");
    expect(nextStep({ is_enabled: true, channels: 5 }, false)).toBeNull();
  });

  it("is taken again when what it sees is another catalogue", () => {
    const seen = previewStamp({ items_total: 5, channels_total: 3 }, { errors: 0, warnings: 1 });
    expect(previewStamp({ items_total: 5, channels_total: 3 }, { errors: 0, warnings: 1 })).toBe(seen);
    expect(previewStamp({ items_total: 5, channels_total: 3 }, { errors: 1, warnings: 1 })).not.toBe(seen);
  });
});

describe("a rule for codes", () => {
  it("needs the same number of digits on both sides", () => {
    expect(ruleFault("1404", "1499")).toBe("");
    expect(ruleFault("1404", "14")).toContain("4");
    expect(ruleFault("", "14")).not.toBe("");
    expect(ruleFault("14x", "144")).not.toBe("");
  });
});
