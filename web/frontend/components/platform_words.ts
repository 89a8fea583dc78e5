/** How an upper platform stands, as a tone, a shape and a word; no DOM. */

import type { IconName } from "../dom";
import type { Platform } from "../platform_contract";

export interface Standing {
  /** `off`: switched off by somebody, which is no fault. */
  tone: "ok" | "wait" | "bad" | "off";
  /** The word's key below `platform.state`. */
  word: "registered" | "registering" | "waiting" | "unregistering" | "stopped" | "disabled" | "unknown";
}

const SHAPES: Record<Standing["tone"], IconName> = {
  ok: "dot-on", wait: "dot-unproven", bad: "level-1", off: "dot-off",
};

export function standing({ is_enabled: isEnabled, scorecard }: Pick<Platform, "is_enabled" | "scorecard">): Standing {
  if (!isEnabled && scorecard.state !== "unregistering") return { tone: "off", word: "disabled" };
  switch (scorecard.state) {
    case "registered": return { tone: "ok", word: "registered" };
    case "registering": return { tone: scorecard.failure ? "bad" : "wait", word: "registering" };
    case "waiting": return { tone: "bad", word: "waiting" };
    case "unregistering": return { tone: "wait", word: "unregistering" };
    case "stopped": return { tone: "off", word: "stopped" };
    default: return { tone: "off", word: "unknown" };
  }
}

export function shape(tone: Standing["tone"]): IconName {
  return SHAPES[tone];
}

/** All of the uppers in one light: all registered, some, none. */
export function linkTone(registered: number, all: number): "ok" | "warn" | "bad" {
  return registered >= all ? "ok" : registered > 0 ? "warn" : "bad";
}

/** Share of the calls that brought a picture; null as long as nobody called. */
export function successShare({ invites, invites_ok: ok }: Platform["scorecard"]): number | null {
  return invites === 0 ? null : Math.round((100 * ok) / invites);
}

/** What is to be done next with one that is not in use yet; null: nothing. */
export function nextStep(
  platform: Pick<Platform, "is_enabled" | "channels">, hasSeen: boolean,
): "share" | "preview" | "enable" | null {
  if (platform.channels === 0) return "share";
  if (platform.is_enabled) return null;
  return hasSeen ? "enable" : "preview";
}
