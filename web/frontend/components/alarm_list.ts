/** The list of alarms: in the column of the wall and on the alarms page, with one set of keys. */

import type { Api } from "../api";
import type { AlarmBook } from "../alarm_book";
import type { Alarm, Id } from "../contract";
import { h, iconButton } from "../dom";
import { language, t, tServer } from "../i18n";
import { timeWithAge } from "./age";
import { field, openDialog } from "./dialog";
import { levelBadge, stateBadge } from "./level";
import { snapshotView } from "./snapshot";
import { attempt } from "./toast";
import { verdictCard } from "./verdict";

export const CHANNEL_DRAG = "application/x-fengsui-channel";

export interface AlarmListOptions {
  api: Api;
  book: AlarmBook;
  onOpen: (alarm: Alarm) => void;
  onSelect?: (alarm: Alarm) => void;
}

export class AlarmList {
  readonly element = h("div", { class: "alarm-list", role: "listbox", tabindex: "0",
    "aria-label": t("alarm.list"), onkeydown: (event: KeyboardEvent) => this.onKey(event) });
  selected: Id | null = null;
  private alarms: Alarm[] = [];

  constructor(private readonly options: AlarmListOptions) {}

  /** Show these, newest first; the selection stays where it is. */
  show(alarms: Alarm[]): void {
    this.alarms = alarms;
    if (alarms.length === 0) {
      this.element.replaceChildren(verdictCard({
        tone: "ok", title: t("alarm.none"), text: t("alarm.none_text") }));
      return;
    }
    this.element.replaceChildren(...alarms.map((alarm) => this.item(alarm)));
    this.mark();
  }

  select(id: Id | null, isQuiet = false): void {
    this.selected = id;
    this.mark();
    const alarm = this.current();
    if (alarm !== undefined && !isQuiet) this.options.onSelect?.(alarm);
  }

  /** The keys of the list; true when one of them was meant. */
  handleKey(key: string): boolean {
    switch (key.toLowerCase()) {
      case "j":
      case "arrowdown":
        this.move(1);
        return true;
      case "k":
      case "arrowup":
        this.move(-1);
        return true;
      case "enter":
        this.withCurrent((alarm) => this.options.onOpen(alarm));
        return true;
      case "a":
        this.withCurrent((alarm) => void acknowledge(this.options, alarm));
        return true;
      case "c":
        this.withCurrent((alarm) => void clear(this.options, alarm));
        return true;
      default:
        return false;
    }
  }

  private onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target instanceof HTMLButtonElement && event.key === "Enter") return;
    if (!this.handleKey(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private current(): Alarm | undefined {
    return this.alarms.find((alarm) => String(alarm.id) === String(this.selected));
  }

  private withCurrent(act: (alarm: Alarm) => void): void {
    const alarm = this.current();
    if (alarm !== undefined) act(alarm);
  }

  private move(step: number): void {
    const index = this.alarms.findIndex((alarm) => String(alarm.id) === String(this.selected));
    const target = this.alarms[Math.max(0, Math.min(this.alarms.length - 1, index + step))];
    if (target !== undefined) this.select(target.id);
  }

  private mark(): void {
    for (const item of this.element.querySelectorAll<HTMLElement>("[data-alarm]")) {
      const isSelected = item.dataset["alarm"] === String(this.selected);
      item.setAttribute("aria-selected", String(isSelected));
      if (isSelected) {
        item.scrollIntoView({ block: "nearest" });
        this.element.setAttribute("aria-activedescendant", item.id);
      }
    }
  }

  private item(alarm: Alarm): HTMLElement {
    return h("article", {
      class: `alarm-item alarm-item-${alarm.level}`, id: `alarm-${alarm.id}`, role: "option",
      "data-alarm": alarm.id, "data-level": alarm.level, "data-alarm-state": alarm.state,
      "data-channel": alarm.channel, draggable: alarm.channel === null ? null : "true",
      onclick: () => this.select(alarm.id),
      ondblclick: () => this.options.onOpen(alarm),
      ondragstart: (event: DragEvent) => event.dataTransfer?.setData(CHANNEL_DRAG, alarm.channel ?? ""),
    },
      snapshotView(alarm.snapshot_url, alarm.boxes, alarmTitle(alarm), false),
      h("div", { class: "alarm-words" },
        h("div", { class: "alarm-head" }, levelBadge(alarm.level), stateBadge(alarm.state)),
        h("div", { class: "alarm-kind" }, alarmTitle(alarm),
          alarm.count > 1 ? h("span", { class: "quiet" }, ` ×${alarm.count}`) : null),
        h("div", { class: "alarm-place", title: alarm.channel }, placeOf(alarm)),
        timeWithAge(alarm.raised_at)),
      this.buttons(alarm));
  }

  private buttons(alarm: Alarm): HTMLElement {
    return h("div", { class: "alarm-buttons" },
      alarm.state === "raised"
        ? iconButton("check", t("alarm.acknowledge_key"),
          (event) => { event.stopPropagation(); void acknowledge(this.options, alarm); },
          { "data-action": "acknowledge" })
        : null,
      alarm.state === "cleared"
        ? null
        : iconButton("close", t("alarm.clear_key"),
          (event) => { event.stopPropagation(); void clear(this.options, alarm); },
          { "data-action": "clear" }));
  }
}

/** What happened, in words. */
export function alarmTitle(alarm: Alarm): string {
  // What a device reports has a name in the standard (GB/T 28181 A.2.5); the server sends both.
  const name = alarm.detail?.[language() === "zh" ? "name" : "name_en"];
  return alarm.kind === "device_alarm" && typeof name === "string" ? name : tServer("alarm.kind", alarm.kind);
}

/** Where it happened: the camera's name, its code, or the platform itself. */
export function placeOf(alarm: Alarm): string {
  return alarm.channel_name ?? alarm.channel ?? t("alarm.platform");
}

export interface AlarmActions {
  api: Api;
  book: AlarmBook;
}

/** Somebody has seen it. */
export async function acknowledge({ api, book }: AlarmActions, alarm: Alarm): Promise<void> {
  if (alarm.state !== "raised") return;
  await attempt(async () => book.take(await api.acknowledge(alarm.id)), t("alarm.acknowledged_done"));
}

/** It is over: with a note of what was found. */
export async function clear({ api, book }: AlarmActions, alarm: Alarm): Promise<void> {
  if (alarm.state === "cleared") return;
  const note = h("textarea", { rows: "3", name: "note", maxlength: "500", autofocus: true });
  await openDialog({
    title: t("alarm.clear_title", { what: alarmTitle(alarm), where: placeOf(alarm) }),
    name: "clear-alarm",
    body: [field(t("alarm.note"), note, t("alarm.note_hint"))],
    action: {
      label: t("alarm.clear"),
      run: async () => book.take(await api.clear(alarm.id, note.value.trim())),
    },
  });
}
