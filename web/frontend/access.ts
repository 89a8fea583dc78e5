/** The access page: the values to type into a camera or box, and what has knocked at the door. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/access.css";
import "./styles/alarms.css";
import "./styles/drawer.css";
import "./styles/signalling.css";
import { timeWithAge } from "./components/age";
import { groupAttempts, type AttemptGroup } from "./components/attempt_groups";
import { addDevice } from "./components/device_acts";
import { copyRow } from "./components/dialog";
import { Drawer } from "./components/drawer";
import { ruleForm } from "./components/registration_rule";
import { signallingLadder } from "./components/signalling_ladder";
import { attempt } from "./components/toast";
import { verdictCard } from "./components/verdict";
import type { Api } from "./api";
import { formatCode } from "./clock";
import type { Access, RegistrationAttempt } from "./contract";
import { fill, h, icon, need } from "./dom";
import { canAdminister, startPage, type PageContext } from "./frame";
import { t, tServer } from "./i18n";

const RELOAD_WAIT_MS = 600;
const REFUSED = /^refused/;

async function start(): Promise<void> {
  const context = await startPage(["registration_attempt", "device_status"]);
  let timer = 0;
  const load = (): Promise<boolean> => attempt(async () => show(context, await context.api.access(), load));
  const soon = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void load(), RELOAD_WAIT_MS);
  };
  context.events.on("registration_attempt", soon);
  context.events.on("device_status", soon);
  context.events.onGap(soon);
  await load();
}

function show(context: PageContext, access: Access, reload: () => Promise<boolean>): void {
  const mayAdd = canAdminister(context.session);
  const add = h("button", { type: "button", class: "button button-primary", "data-action": "add-device",
    onclick: () => void addDevice(context.api).then((added) => { if (added) void reload(); }) },
  icon("plus"), t("device.add"));
  const isOpen = openHistories();
  // What is typed there outlasts the reading of the attempts.
  const rules = document.querySelector("[data-panel=rule]");
  fill(need("#page"),
    h("header", { class: "page-head" }, h("h1", {}, t("nav.access")), mayAdd ? add : null),
    h("div", { class: "access" },
      h("section", { class: "panel", "data-panel": "values" },
        h("h2", {}, t("access.values")), h("p", { class: "quiet" }, t("access.values_text")),
        h("dl", { class: "facts facts-copy" }, ...valueRows(access))),
      h("section", { class: "panel", "data-panel": "attempts" },
        h("h2", {}, t("access.attempts")), h("p", { class: "quiet" }, t("access.attempts_text")),
        attemptList(access.attempts, context, mayAdd, reload)),
      rules ?? h("section", { class: "panel", "data-panel": "rule" },
        h("h2", {}, t("rule.all_title")), h("p", { class: "quiet" }, t("rule.all_text")),
        ruleForm(context.api, null, mayAdd))));
  for (const history of histories()) history.open = isOpen.has(history.dataset["history"]);
}

function histories(): HTMLDetailsElement[] {
  return [...document.querySelectorAll<HTMLDetailsElement>(".attempt-history")];
}

/** What somebody is reading stays open when the list is read anew. */
function openHistories(): Set<string | undefined> {
  return new Set(histories().filter((history) => history.open).map((history) => history.dataset["history"]));
}

function valueRows(access: Access): HTMLElement[] {
  const addresses = access.addresses.length > 0 ? access.addresses : [location.hostname];
  return [
    ...copyRow(t("access.server_id"), access.server_id),
    ...copyRow(t("access.domain"), access.domain),
    ...addresses.flatMap((address, index) => copyRow(
      index === 0 ? t("access.address") : t("access.other_address", { number: index + 1 }), address)),
    ...copyRow(t("access.port"), String(access.port)),
    ...plainRow(t("access.transports"), access.transports.map((one) => one.toUpperCase()).join(" / ")),
    ...plainRow(t("access.keepalive"), t("access.in_seconds", { seconds: access.keepalive_interval_s })),
    ...plainRow(t("access.expires"), t("access.in_seconds", { seconds: access.expires_s })),
    ...plainRow(t("access.user"), t("access.user_value")),
    ...plainRow(t("device.password"), t("access.password_value")),
  ];
}

function plainRow(label: string, value: string): HTMLElement[] {
  return [h("dt", {}, label), h("dd", {}, value)];
}

function attemptList(
  attempts: RegistrationAttempt[], context: PageContext, mayAdd: boolean, reload: () => Promise<boolean>,
): HTMLElement {
  if (attempts.length === 0) {
    return verdictCard({ tone: "quiet", title: t("access.nobody"), text: t("access.nobody_text") });
  }
  const allow = (id: string): HTMLElement => h("button", {
    type: "button", class: "button button-small button-primary", "data-action": "allow",
    onclick: () => void addDevice(context.api, id).then((added) => { if (added) void reload(); }) },
  icon("plus"), t("access.allow"));
  return h("ul", { class: "plain-list attempts" }, ...groupAttempts(attempts).map((group) =>
    attemptRow(group, mayAdd && isStranger(group.latest) ? allow(group.latest.device_id) : null, context.api)));
}

const ladders = new Drawer();

/** What an address sent, whoever it says that it is: why a device does not get in. */
function showLadder(api: Api, address: string, id: string): void {
  ladders.element.dataset["address"] = address;
  ladders.element.classList.add("drawer-wide");
  ladders.show(t("sip.of_address", { address }),
    signallingLadder(api, { path: "/sip", query: { address }, kind: "address", name: id }));
}

function isStranger({ known, outcome }: RegistrationAttempt): boolean {
  return !known && REFUSED.test(outcome);
}

function attemptRow({ latest, earlier }: AttemptGroup, allow: HTMLElement | null, api: Api): HTMLElement {
  const { device_id: id, address, transport, user_agent: agent, at, count } = latest;
  return h("li", { class: "attempt", "data-attempt": id, "data-outcome": latest.outcome },
    outcome(latest),
    h("div", { class: "attempt-who" },
      h("code", { title: formatCode(id) }, id),
      h("span", { class: "quiet" }, [`${address} ${transport.toUpperCase()}`, agent ?? ""]
        .filter((part) => part !== "").join(" · "))),
    h("div", { class: "attempt-when" }, timeWithAge(at),
      h("span", { class: "quiet" }, t("access.times", { count }))),
    h("p", { class: "attempt-advice quiet" }, advice(latest)),
    h("div", { class: "attempt-acts" }, allow, h("button", { type: "button", class: "button button-small",
      "data-action": "signalling", onclick: () => showLadder(api, address, id) }, icon("access"), t("sip.open"))),
    earlier.length === 0 ? null : h("details", { class: "attempt-history", "data-history": `${id} ${address} ${transport}` },
      h("summary", { class: "quiet" }, t("access.history", { count: earlier.length })),
      h("ul", { class: "plain-list" }, ...earlier.map((one) => h("li", { "data-outcome": one.outcome },
        outcome(one), timeWithAge(one.at), h("span", { class: "quiet" }, t("access.times", { count: one.count })))))));
}

/** What to do now; a stranger that has been allowed since only has to come again. */
function advice({ known, outcome }: RegistrationAttempt): string {
  if (known && outcome === "refused_unknown") return t("advice.allowed_since");
  if (!known && outcome === "refused_locked") return t("advice.locked_stranger");
  return tServer("advice", outcome);
}

function outcome(attemptMade: RegistrationAttempt): HTMLElement {
  const tone = attemptMade.outcome === "accepted" ? "ok" : REFUSED.test(attemptMade.outcome) ? "bad" : "quiet";
  const sign = tone === "ok" ? "check" : tone === "bad" ? "close" : "key";
  return h("span", { class: `outcome outcome-${tone}` }, icon(sign), tServer("outcome", attemptMade.outcome));
}

void start();
