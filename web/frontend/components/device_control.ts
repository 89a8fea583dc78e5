/** What a device is told to do: guard, alarm reset, restart, storage cards, firmware. */

import type { Api } from "../api";
import { formatBytes } from "../clock";
import type { Device } from "../contract";
import { ControlApi, type Card, type Upgrade } from "../control_api";
import { h, icon, type IconName } from "../dom";
import { t, tServer } from "../i18n";
import { timeWithAge } from "./age";
import { confirmLoss, field, openDialog } from "./dialog";
import { lookAgain, readInto } from "./reading";
import { attempt, toast } from "./toast";

const MIB = 1024 * 1024;
const FORMATTING = "formatting";
/** GB/T 28181 AlarmMethod: telephone, device, SMS, GPS, video, fault, other. */
const ALARM_METHODS = ["1", "2", "3", "4", "5", "6", "7"];

export interface Rights { mayOperate: boolean; mayAdminister: boolean }

/** Guard, alarm reset and restart; null for somebody who may do none of it. */
export function deviceActs(api: Api, device: Device, rights: Rights): HTMLElement | null {
  if (!rights.mayOperate) return null;
  const control = new ControlApi(api);
  const { id } = device;
  const act = (action: string, sign: IconName, label: string, run: () => void): HTMLElement =>
    h("button", { type: "button", class: "button button-small", "data-action": action, onclick: run,
      disabled: !device.online, title: device.online ? null : t("control.offline") }, icon(sign), label);
  return h("div", { class: "button-row" },
    act("guard-on", "check", t("control.guard_on"),
      () => void attempt(() => control.guard(id, true), t("control.guard_on_done"))),
    act("guard-off", "close", t("control.guard_off"),
      () => void attempt(() => control.guard(id, false), t("control.guard_off_done"))),
    act("query-alarms", "search", t("control.query_alarms"), () => void queryAlarms(control, device)),
    act("reset-alarms", "alarm", t("control.reset_alarms"),
      () => void attempt(() => control.resetAlarms(id), t("alarm.reset_done"))),
    rights.mayAdminister ? act("reboot", "retry", t("control.reboot"), () => void reboot(control, device)) : null);
}

/** Ask for the alarms it still has, of the kinds that are ticked; they come into the list of alarms. */
async function queryAlarms(control: ControlApi, device: Device): Promise<void> {
  const boxes = ALARM_METHODS.map((method) =>
    ({ method, box: h("input", { type: "checkbox", name: `method-${method}`, checked: true }) }));
  const chosen = (): string[] => boxes.filter(({ box }) => box.checked).map(({ method }) => method);
  const asked = await openDialog({
    title: t("control.query_alarms_title", { name: device.name || device.id }),
    name: "query-alarms",
    body: [h("p", { class: "quiet" }, t("control.query_alarms_text")),
      h("div", { class: "check-grid" }, ...boxes.map(({ method, box }) =>
        h("label", { class: "switch" }, box, h("span", {}, tServer("alarm.method", method)))))],
    action: { label: t("control.query_alarms"),
      // All of them is asked for by naming none, which every device understands.
      run: () => control.queryAlarms(device.id, chosen().length === ALARM_METHODS.length ? [] : chosen()) },
  });
  if (asked) toast(t("control.query_alarms_done"));
}

function reboot(control: ControlApi, device: Device): Promise<boolean> {
  return confirmLoss({
    title: t("control.reboot_title", { name: device.name || device.id }),
    intro: t("control.reboot_text"),
    lost: [t("control.reboot_lost", { count: device.channel_count }), t("control.reboot_lost_use")],
    action: t("control.reboot"),
    run: () => control.reboot(device.id),
  });
}

/** The storage cards, read when wanted; formatting shows how far it is. */
export function cardList(api: Api, device: Device, mayFormat: boolean): HTMLElement {
  const control = new ControlApi(api);
  const place = h("div", { class: "cards-of-device" });
  const show = (cards: Card[]): Node[] => {
    if (cards.some((card) => card.status === FORMATTING)) lookAgain(place, () => void look());
    return cards.length === 0 ? [h("p", { class: "quiet" }, t("cards.none"))]
      : [h("ul", { class: "plain-list" }, ...cards.map((card) => cardRow(card, mayFormat, () => void format(card)))),
        h("button", { type: "button", class: "button button-small", "data-action": "read-cards",
          onclick: () => void read() }, icon("refresh"), t("cards.read"))];
  };
  const read = (): Promise<void> => readInto(place, async () => show(await control.cards(device.id)));
  const look = (): Promise<boolean> => attempt(async () => place.replaceChildren(...show(await control.cards(device.id))));
  const format = async (card: Card): Promise<void> => {
    const formatted = await confirmLoss({
      title: t("cards.format_title", { number: card.number }), lost: [t("cards.format_lost")],
      kept: t("cards.format_kept"), action: t("cards.format"),
      run: () => control.formatCard(device.id, card.number),
    });
    if (formatted) await look();
  };
  void read();
  return place;
}

function cardRow(card: Card, mayFormat: boolean, format: () => void): HTMLElement {
  const isFormatting = card.status === FORMATTING;
  return h("li", { class: "card-row", "data-card": card.number, "data-status": card.status ?? "" },
    h("span", { class: "card-name" }, t("cards.card", { number: card.number }), card.name === null ? "" : ` · ${card.name}`),
    isFormatting
      ? h("progress", { max: "100", value: String(card.format_percent ?? 0), "aria-label": t("cards.progress") }) : null,
    h("span", { class: "quiet" }, tServer("cards.status", card.status), " ",
      isFormatting ? `${card.format_percent ?? 0}%` : cardSpace(card)),
    mayFormat && !isFormatting ? h("button", { type: "button", class: "button button-small", "data-action": "format-card",
      onclick: format }, t("cards.format")) : null);
}

/** What is free of how much, as far as the device says. */
export function cardSpace({ capacity_mb: all, free_mb: free }: Card): string {
  if (all === null) return "";
  return free === null ? formatBytes(all * MIB) : t("cards.free", { free: formatBytes(free * MIB), all: formatBytes(all * MIB) });
}

/** How the last upgrade went, and the way to order one. */
export function upgradeView(api: Api, device: Device, mayOrder: boolean): HTMLElement {
  const control = new ControlApi(api);
  const place = h("div", { class: "upgrade" });
  const show = (last: Upgrade | null): Node[] => {
    if (last?.state === "running") lookAgain(place, () => void look());
    const order = h("button", { type: "button", class: "button button-small", "data-action": "order-upgrade",
      disabled: last?.state === "running",
      onclick: () => void orderUpgrade(control, device).then((ordered) => { if (ordered) void look(); }) },
    icon("download"), t("upgrade.order"));
    return [last === null ? h("p", { class: "quiet" }, t("upgrade.none")) : upgradeFacts(last), ...(mayOrder ? [order] : [])];
  };
  const look = (): Promise<boolean> =>
    attempt(async () => place.replaceChildren(...show(await control.lastUpgrade(device.id))));
  void readInto(place, async () => show(await control.lastUpgrade(device.id)));
  return place;
}

function upgradeFacts(last: Upgrade): HTMLElement {
  return h("dl", { class: "facts", "data-upgrade": last.state },
    h("dt", {}, t("upgrade.firmware")), h("dd", {}, h("code", {}, last.firmware)),
    h("dt", {}, t("upgrade.result")), h("dd", {}, upgradeWords(last)),
    h("dt", {}, t("upgrade.ordered_at")), h("dd", {}, timeWithAge(last.ordered_at)),
    ...(last.ended_at === null ? [] : [h("dt", {}, t("upgrade.ended_at")), h("dd", {}, timeWithAge(last.ended_at))]));
}

/** The result in words; a reason of table A.2.5.10 behind a failure. */
export function upgradeWords({ state, reason }: Pick<Upgrade, "state" | "reason">): string {
  const words = tServer("upgrade.state", state);
  return state === "failed" && reason !== null && reason !== ""
    ? t("upgrade.failed_for", { state: words, reason: tServer("upgrade.reason", reason) }) : words;
}

function orderUpgrade(control: ControlApi, device: Device): Promise<boolean> {
  const url = h("input", { name: "url", type: "url", required: true, maxlength: "512", pattern: "https?://.+",
    placeholder: "http://192.0.2.10/firmware.bin", autocomplete: "off" });
  const firmware = h("input", { name: "firmware", required: true, maxlength: "64", pattern: "[ -~]+", autocomplete: "off" });
  const maker = h("input", { name: "manufacturer", maxlength: "64", autocomplete: "off",
    placeholder: device.manufacturer ?? "" });
  return openDialog({
    title: t("upgrade.title", { name: device.name || device.id }),
    name: "upgrade",
    body: [h("p", { class: "notice" }, t("upgrade.text")),
      field(t("upgrade.url"), url, t("upgrade.url_hint")),
      field(t("upgrade.firmware"), firmware, t("upgrade.firmware_hint", { now: device.firmware ?? "—" })),
      field(t("upgrade.maker"), maker, t("upgrade.maker_hint"))],
    action: { label: t("upgrade.order"), tone: "danger", run: () => control.upgrade(device.id, {
      url: url.value.trim(), firmware: firmware.value.trim(), manufacturer: maker.value.trim() }) },
  });
}
