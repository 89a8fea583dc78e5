/** What lies over a picture that is not live: the state in words, why, since when, what to do. */

import { formatTime } from "../clock";
import { h, icon } from "../dom";
import { t, tServer } from "../i18n";
import { codecName } from "../player/protocol";
import type { TileState } from "../player/tile_state";
import { lengthSince } from "./age";
import { causeText } from "./marks";
import { verdictCard } from "./verdict";

export const STEPS = ["lookup", "port", "invite", "media", "key_frame", "first_picture"] as const;

/** The steps that depend on the way of media, which is tried anew where it fails. */
const ON_THE_WAY = new Set(["port", "invite", "media", "key_frame"]);

export interface VeilActs {
  retry: () => void;
  /** Shows why; null for a replay, which the stream doctor does not know. */
  why?: (() => void) | null;
  copyUrl: () => void;
}

/** The veil's content for every state but `live`. */
export function veilContent(state: TileState, acts: VeilActs): HTMLElement {
  const retry = (label = t("tile.retry")): HTMLElement => h("button", {
    type: "button", class: "button button-small", onclick: acts.retry, "data-action": "retry" },
  icon("retry"), label);
  const why = !acts.why ? [] : [h("button", { type: "button", class: "button button-small",
    onclick: acts.why, "data-action": "why" }, icon("help"), t("doctor.why"))];
  switch (state.name) {
    case "idle":
    case "live":
      return h("p", { class: "tile-hint quiet" }, t("tile.empty_hint"));
    case "connecting":
      return connecting(state);
    case "stalled":
      return verdictCard({
        tone: "warn",
        title: t("tile.stalled_since", { time: formatTime(state.since).slice(11) }),
        text: t("tile.stalled_for", { length: lengthSince(state.since) }),
        hint: tServer("live.end", state.reason),
        actions: why,
      });
    case "offline":
      return verdictCard({
        tone: "quiet",
        title: state.since === null ? t("tile.offline")
          : t("tile.offline_since", { time: formatTime(state.since) }),
        text: [causeText(state.cause), state.since === null ? "" : lengthSince(state.since)]
          .filter((part) => part !== "").join(" · "),
        actions: [retry(t("tile.try_anyway"))],
      });
    case "failed":
      return verdictCard({
        tone: "bad",
        title: state.title || t("tile.state.failed"),
        text: [state.step === null ? "" : t("tile.failed_at", { step: stepName(state.step) }), state.detail]
          .filter((part) => part !== "").join(" · "),
        hint: state.hint,
        actions: [retry(), ...why],
      });
    case "unplayable":
      return unplayable(state, acts);
    case "denied":
      return verdictCard({ tone: "bad", title: t("tile.denied"), text: t("tile.denied_text") });
  }
}

function stepName(step: string): string {
  return tServer("live.step", step);
}

/** The way to the picture as a short ladder: done, doing, to come. */
function connecting(state: Extract<TileState, { name: "connecting" }>): HTMLElement {
  const current = STEPS.indexOf((state.step ?? "lookup") as (typeof STEPS)[number]);
  const step = state.step === null ? t("tile.connecting") : stepName(state.step);
  const way = tServer("transport", state.transport);
  const words = way === "" || !ON_THE_WAY.has(state.step ?? "") ? step : t("tile.trying", { step, transport: way });
  const waited = Math.floor((Date.now() - state.since) / 1000);
  return h("div", { class: "ladder", "data-step": state.step ?? "" },
    h("p", { class: "ladder-words" }, words, waited >= 2 ? ` · ${waited}${t("unit.s")}` : ""),
    h("ol", { class: "ladder-steps", "aria-hidden": "true" },
      ...STEPS.map((step, index) => h("li", {
        class: index < current ? "done" : index === current ? "doing" : "", title: stepName(step) }))),
    state.reason === null || state.reason === "" ? null
      : h("p", { class: "quiet" }, t("tile.again", {
        attempt: state.attempt, reason: tServer("live.end", state.reason) })));
}

function unplayable(state: Extract<TileState, { name: "unplayable" }>, acts: VeilActs): HTMLElement {
  return verdictCard({
    tone: "warn",
    title: t("tile.unplayable", { codec: codecName(state.codec) }),
    text: t("tile.unplayable_text", { codec: codecName(state.codec) }),
    hint: t("tile.unplayable_hint"),
    actions: [h("button", {
      type: "button", class: "button button-small", "data-action": "copy-url", onclick: acts.copyUrl,
    }, icon("copy"), t("tile.copy_url"))],
  });
}
