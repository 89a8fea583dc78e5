/** How it goes with one upper platform: registration, catalogue, calls, what flows now. */

import { formatBytes, formatTime } from "../clock";
import { h, icon } from "../dom";
import { t, tList, tServer, type Key } from "../i18n";
import { RIGHTS, type Platform, type Scorecard } from "../platform_contract";
import { timeWithAge } from "./age";
import { shape, standing, successShare } from "./platform_words";

/** Word, shape and colour of where it stands. */
export function stateBadge(platform: Platform): HTMLElement {
  const { tone, word } = standing(platform);
  return h("span", { class: `upper-state upper-${tone}`, "data-state": word }, icon(shape(tone)),
    t(`platform.state.${word}` as Key));
}

/** Why it does not work and what to do about it; null when nothing is wrong. */
export function failureWords({ scorecard }: Platform): HTMLElement | null {
  const { failure, failure_text: advice, status } = scorecard;
  if (failure === null || failure === "") return null;
  return h("div", { class: "upper-failure", role: "status", "data-failure": failure },
    h("p", {}, icon("level-1"), h("b", {}, tServer("platform.failure", failure)),
      status === null ? null : h("span", { class: "quiet" }, ` SIP ${status}`)),
    advice === null || advice === "" ? null : h("p", {}, advice));
}

export function scoreView(platform: Platform): HTMLElement {
  const { scorecard } = platform;
  return h("div", { class: "score" }, failureWords(platform),
    h("div", { class: "cards" },
      registrationCard(platform), catalogCard(platform), callCard(scorecard), nowCard(scorecard)),
    h("section", { class: "panel" }, h("dl", { class: "facts" }, ...facts(platform).flatMap(([label, value]) =>
      [h("dt", {}, t(label)), h("dd", {}, value)]))));
}

function card(name: string, title: Key, value: Node | string, ...notes: (Node | string | null)[]): HTMLElement {
  return h("section", { class: "card", "data-score": name }, h("h3", {}, t(title)),
    h("p", { class: "card-value" }, value),
    ...notes.filter((note) => note !== null).map((note) => h("p", { class: "quiet" }, note)));
}

function registrationCard(platform: Platform): HTMLElement {
  const { scorecard } = platform;
  const next = scorecard.next_attempt_at;
  return card("registration", "platform.registration", stateBadge(platform),
    scorecard.registered_since === null ? scorecard.since === null ? null
      : h("span", {}, t("platform.since"), " ", timeWithAge(scorecard.since))
      : h("span", {}, t("platform.registered_since"), " ", timeWithAge(scorecard.registered_since)),
    next === null ? null : t("platform.next_attempt", { time: formatTime(next).slice(11) }));
}

function catalogCard({ scorecard: { catalog }, channels, channels_online: online }: Platform): HTMLElement {
  const shared = t("platform.shared_now", { channels, online });
  if (catalog === null) return card("catalog", "platform.catalog", "—", t("platform.catalog_never"), shared);
  const value = catalog.is_equal
    ? h("span", { class: "outcome outcome-ok" }, icon("check"), t("platform.catalog_equal"))
    : h("span", { class: "outcome outcome-warn" }, icon("level-3"), t("platform.catalog_differs"));
  return card("catalog", "platform.catalog", value,
    catalog.is_equal ? null : t("platform.catalog_counts", { added: catalog.added, removed: catalog.removed, changed: catalog.changed }),
    h("span", {}, t("platform.catalog_sent", { items: catalog.items }), " ", timeWithAge(catalog.sent_at)), shared);
}

function callCard(scorecard: Scorecard): HTMLElement {
  const share = successShare(scorecard);
  const { invites, invites_ok: ok, first_frame_ms: first, last_failure: last } = scorecard;
  return card("calls", "platform.calls", share === null ? "—" : `${share}%`,
    share === null ? t("platform.calls_never") : t("platform.calls_counts", { ok, all: invites }),
    first === null ? null : t("platform.first_frame", { seconds: (first / 1000).toFixed(first < 10_000 ? 2 : 1) }),
    last === null ? null : h("span", { "data-role": "last-failure" }, t("platform.last_failure"), " ",
      tServer("platform.reason", last.reason), last.channel === null ? null : h("code", {}, ` ${last.channel}`), " ", timeWithAge(last.at)));
}

function nowCard({ streams, bytes }: Scorecard): HTMLElement {
  return card("now", "platform.now", t("platform.streams", { streams }), t("platform.bytes", { bytes: formatBytes(bytes) }));
}

function facts(platform: Platform): [Key, Node | string][] {
  const rights = tList(RIGHTS.filter((right) => platform.rights.includes(right)).map((right) => t(`platform.right.${right}` as Key)));
  const version = platform.scorecard.gb_version;
  return [
    ["platform.host", `${platform.host}:${platform.port} · ${platform.transport.toUpperCase()}`],
    ["platform.domain", platform.domain],
    ["platform.own_id", h("code", {}, platform.own_id)],
    ["platform.password", t(platform.password_set ? "platform.password_is_set" : "platform.password_is_not_set")],
    ["platform.edition", `GB/T 28181-${platform.edition} · ${platform.charset}${
      version === null || version === "" ? "" : ` · X-GB-Ver ${version}`}`],
    ["platform.group_form", t(`platform.form.${platform.catalog_form}` as Key)],
    ["platform.group_rights", rights === "" ? t("platform.no_rights") : rights],
    ["platform.keepalive", t("platform.keepalive_words", { interval: platform.keepalive_interval_s, count: platform.keepalive_count })],
  ];
}
