/** What a device reports of itself: its subscriptions, where things are, the reset of its alarms. */

import type { Api } from "../api";
import { formatTime } from "../clock";
import type { Alarm, Position, Subscription } from "../contract";
import { fill, h, icon } from "../dom";
import { t, tServer } from "../i18n";
import { timeWithAge } from "./age";
import { attempt } from "./toast";

const POINTS_SHOWN = 8;

/** One row for each topic: what is asked for, how it stands, when it last said something. */
export function subscriptionList(api: Api, device: string, mayChoose: boolean): HTMLElement {
  const list = h("ul", { class: "plain-list subscriptions" });
  const show = (items: Subscription[]): void => {
    fill(list, ...items.map((item) => subscriptionRow(item, mayChoose, (wanted) => {
      void attempt(async () => show(await api.chooseSubscription(device, item.topic, wanted)));
    })));
  };
  void attempt(async () => show(await api.subscriptions(device)));
  return list;
}

function subscriptionRow(
  item: Subscription, mayChoose: boolean, choose: (wanted: boolean) => void,
): HTMLElement {
  const box = h("input", { type: "checkbox", role: "switch", checked: item.wanted, disabled: !mayChoose,
    "data-action": "subscribe" });
  box.addEventListener("change", () => choose(box.checked));
  return h("li", { class: "subscription", "data-topic": item.topic, "data-state": item.state },
    h("label", { class: "switch" }, box, h("span", {}, tServer("subscription.topic", item.topic))),
    h("span", { class: `subscription-state subscription-${item.state}` },
      icon(item.state === "active" ? "dot-on" : item.state === "none" || item.state === "refused" ? "dot-off" : "dot-unproven"),
      tServer("subscription.state", item.state)),
    item.since === null ? null : h("span", { class: "quiet" }, t("subscription.since"), " ", timeWithAge(item.since)),
    item.reason === null ? null : h("span", { class: "quiet", "data-role": "reason" }, subscriptionReason(item.reason)),
    item.state !== "active" ? null : h("span", { class: "quiet" },
      item.notified_at === null ? t("subscription.never_notified")
        : t("subscription.notified", { count: item.notifications }), " ",
      item.notified_at === null ? null : timeWithAge(item.notified_at)));
}

/** A SIP status or a word of RFC 6665, said to people; technicians keep the original. */
function subscriptionReason(reason: string): string {
  const words = tServer("subscription.reason", reason);
  return words === reason ? t("subscription.reason_other", { reason }) : `${words}（${reason}）`;
}

/** Where a channel is and was today, with the way to the whole track; null when it never said. */
export async function positionView(api: Api, code: string): Promise<HTMLElement | null> {
  const place = await api.position(code);
  if (place === null) return null;
  const points = await api.track(code);
  return h("div", { "data-role": "position" },
    h("dl", { class: "facts" }, ...positionFacts(place).flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)])),
    points.length < 2 ? null : h("ol", { class: "plain-list track" }, ...points.slice(-POINTS_SHOWN).reverse()
      .map((point) => h("li", {}, h("time", { datetime: point.at }, formatTime(point.at)), " ", coordinates(point)))),
    h("a", { class: "button button-small", href: `/api/v1/channels/${code}/track.csv`, download: true,
      "data-action": "track" }, icon("download"), t("position.track")));
}

function positionFacts(place: Position): [string, Node | string][] {
  const rows: [string, Node | string | null][] = [
    [t("position.place"), coordinates(place)],
    [t("position.at"), timeWithAge(place.at)],
    [t("position.device_time"), place.time_text?.replace("T", " ") ?? null],
    [t("position.speed"), place.speed === null ? null : `${place.speed} km/h`],
    [t("position.direction"), place.direction === null ? null : `${place.direction}°`],
    [t("position.altitude"), place.altitude === null ? null : `${place.altitude} m`],
    [t("position.height"), place.height === null ? null : `${place.height} m`],
  ];
  return rows.filter((row): row is [string, Node | string] => row[1] !== null && row[1] !== "");
}

function coordinates(place: Position): string {
  return `${place.longitude.toFixed(6)}, ${place.latitude.toFixed(6)}`;
}

/** 复位: the device may send the next alarm; the alarm itself stays until somebody clears it. */
export function resetButton(api: Api, alarm: Alarm): HTMLElement | null {
  if (alarm.kind !== "device_alarm") return null;
  return h("button", { type: "button", class: "button", "data-action": "reset-alarm",
    title: t("alarm.reset_hint"),
    onclick: () => void attempt(() => api.resetAlarm(alarm.id), t("alarm.reset_done")) },
    icon("refresh"), t("alarm.reset"));
}
