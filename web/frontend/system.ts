/** System: the facts of the status line, in full. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/access.css";
import "./styles/alarms.css";
import { timeWithAge } from "./components/age";
import { quirkPanel } from "./components/quirk_table";
import { formatBytes } from "./clock";
import { attempt } from "./components/toast";
import type { SystemFacts } from "./contract";
import { fill, h, need } from "./dom";
import { canAdminister, startPage } from "./frame";
import { t, tLength, type Key } from "./i18n";

const EVERY_MS = 5_000;

async function start(): Promise<void> {
  const { api, session } = await startPage([]);
  const facts = h("div", { class: "stack" });
  fill(need("#page"),
    h("header", { class: "page-head" }, h("h1", {}, t("nav.system"))),
    facts, quirkPanel(api, canAdminister(session)));
  const load = (): Promise<boolean> => attempt(async () => show(facts, await api.system()));
  await load();
  window.setInterval(() => { if (!document.hidden) void load(); }, EVERY_MS);
}

function show(place: HTMLElement, facts: SystemFacts): void {
  const share = facts.disk_total_bytes ? t("system.of", { total: formatBytes(facts.disk_total_bytes) }) : "";
  fill(place,
    h("div", { class: "cards" },
      card("status.devices", `${facts.devices_online} / ${facts.devices}`, t("system.online_of_all")),
      card("status.channels", `${facts.channels_online} / ${facts.channels}`, t("system.online_of_all")),
      card("status.proven", String(facts.channels_proven), t("system.proven_text")),
      card("status.streams", String(facts.streams), t("system.streams_text")),
      card("status.viewers", String(facts.viewers), t("system.viewers_text")),
      card("status.recording", String(facts.recording), t("system.recording_text")),
      card("status.disk", formatBytes(facts.disk_free_bytes), share),
      card("status.alarms", String(facts.alarms_open ?? 0), t("system.alarms_text"))),
    h("section", { class: "panel" }, h("dl", { class: "facts" },
      h("dt", {}, t("system.version")), h("dd", {}, facts.version),
      h("dt", {}, t("system.uptime")), h("dd", {}, tLength(facts.uptime_s)),
      h("dt", {}, t("system.started")), h("dd", {}, timeWithAge(facts.started_at)),
      h("dt", {}, t("system.time_zone")), h("dd", {}, facts.time_zone ?? "Asia/Shanghai"),
      h("dt", {}, t("system.api")), h("dd", {}, h("a", { href: "/api/docs" }, "/api/docs")))));
}

function card(title: Key, value: string, note: string): HTMLElement {
  return h("section", { class: "card", "data-fact": title.slice("status.".length) },
    h("h2", {}, t(title)), h("p", { class: "card-value" }, value),
    note === "" ? null : h("p", { class: "quiet" }, note));
}

void start();
