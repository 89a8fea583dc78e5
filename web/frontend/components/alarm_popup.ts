/** The pop-up of the gravest level: never over another one, so the first is read before the next. */

import type { Api } from "../api";
import type { AlarmBook } from "../alarm_book";
import type { Alarm } from "../contract";
import { h } from "../dom";
import { t } from "../i18n";
import { timeWithAge } from "./age";
import { acknowledge, alarmTitle, placeOf } from "./alarm_list";
import { levelBadge } from "./level";
import { openDialog } from "./dialog";
import { snapshotView } from "./snapshot";

/** Show a first-level alarm unless a person is busy with another dialog. */
export function alarmPopup(
  context: { api: Api; alarms: AlarmBook }, alarm: Alarm, open: (channel: string) => void,
): void {
  if (document.querySelector("dialog[open]") !== null) return;
  const { channel } = alarm;
  const watch = channel === null ? null : h("button", { type: "button", class: "button",
    onclick: (event: MouseEvent) => {
      (event.currentTarget as HTMLElement).closest("dialog")?.close();
      open(channel);
    } }, t("alarm.watch"));
  void openDialog({
    title: alarmTitle(alarm),
    name: "alarm",
    leave: t("common.close"),
    body: [
      h("div", { class: "alarm-head" }, levelBadge(alarm.level), h("b", {}, placeOf(alarm))),
      timeWithAge(alarm.raised_at),
      snapshotView(alarm.snapshot_url, alarm.boxes, alarmTitle(alarm), true),
      ...(watch === null ? [] : [watch]),
    ],
    action: {
      label: t("alarm.acknowledge"),
      run: () => acknowledge({ api: context.api, book: context.alarms }, alarm),
    },
  });
}
