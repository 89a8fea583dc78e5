/** The marks of a channel: one dot for lists, three separate facts for the drawer. */

import type { Channel } from "../contract";
import { formatTime } from "../clock";
import { h, icon } from "../dom";
import { t, tServer } from "../i18n";
import { timeWithAge } from "./age";

export type Presence = "on" | "unproven" | "off";

/** On and seen, on by its own word only, or off. */
export function presence(channel: Pick<Channel, "online" | "proven">): Presence {
  if (!channel.online) return "off";
  return channel.proven ? "on" : "unproven";
}

/** ● ◐ ○ by shape and colour, the words in its title. */
export function presenceDot(channel: Pick<Channel, "online" | "proven" | "state_since">): HTMLElement {
  const state = presence(channel);
  const since = channel.state_since === null ? "" : formatTime(channel.state_since);
  const words = state === "off" && since !== ""
    ? t("presence.off_since", { time: since }) : t(`presence.${state}`);
  return h("span", { class: `dot dot-${state}`, title: words, role: "img", "aria-label": words,
    "data-presence": state }, icon(`dot-${state}`));
}

/** Registered, says ON, proven by frames: three facts, each of which can be false alone. */
export function threeMarks(channel: Channel): HTMLElement {
  const missing = channel.missing_since !== null;
  const isLive = channel.proven && channel.live?.state === "live";
  return h("ul", { class: "marks" },
    mark("registered", channel.registered, channel.registered ? t("marks.yes") : t("marks.no"), null),
    mark("says_on", channel.says_on && !missing,
      missing ? t("marks.missing") : channel.says_on ? t("marks.yes") : t("marks.no"),
      channel.missing_since),
    isLive ? mark("proven", true, t("marks.proven_now"), null)
      : mark("proven", channel.proven, channel.proven ? t("marks.proven_at") : t("marks.never"),
        channel.proven_at));
}

function mark(
  name: "registered" | "says_on" | "proven", isTrue: boolean, words: string, at: string | null,
): HTMLElement {
  return h("li", { class: `mark mark-${isTrue ? "yes" : "no"}`, "data-mark": name, "data-true": String(isTrue) },
    icon(isTrue ? "dot-on" : "dot-off"),
    h("span", { class: "mark-name" }, t(`marks.${name}`)),
    h("span", { class: "mark-words" }, words, " ", at === null ? null : timeWithAge(at)));
}

/** Why a thing is off, in words. */
export function causeText(cause: string | null | undefined): string {
  return tServer("cause", cause);
}
