/** Broadcasts that come by themselves: when, what, to whom, and what came of the last time. */

import type { Api } from "../api";
import type { Announcement, TimetableEntry } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { timeWithAge } from "./age";
import { SoundFields } from "./broadcast_form";
import { confirmLoss, field, openDialog } from "./dialog";
import { TargetPicker } from "./target_picker";

const DAYS = [1, 2, 3, 4, 5, 6, 7];

export class TimetableList {
  readonly element = h("section", { class: "panel timetable", "aria-label": t("voice.timetable") });
  private announcements: Announcement[] = [];

  constructor(private readonly api: Api, private readonly mayChange: boolean, private readonly reload: () => void) {}

  show(entries: TimetableEntry[], announcements: Announcement[]): void {
    this.announcements = announcements;
    fill(this.element, h("header", { class: "panel-head" }, h("h2", {}, t("voice.timetable")),
      this.mayChange ? h("button", { type: "button", class: "button button-small", "data-action": "add-entry",
        onclick: () => void this.edit(null) }, icon("plus"), t("voice.entry_add")) : null),
    h("ul", { class: "plain-list" }, ...entries.map((entry) => this.row(entry))),
    entries.length === 0 ? h("p", { class: "quiet" }, t("voice.timetable_none")) : null);
  }

  private row(entry: TimetableEntry): HTMLElement {
    const days = entry.days.length === 7 ? t("voice.every_day")
      : entry.days.map((day) => t(`voice.day.${day}` as Key)).join(" ");
    return h("li", { class: "entry", "data-entry": entry.id, "data-enabled": String(entry.enabled) },
      h("b", { class: "entry-time" }, entry.at), h("span", { class: "entry-name" }, entry.name),
      h("span", { class: "quiet" }, days, entry.enabled ? "" : ` · ${t("voice.entry_off")}`),
      h("span", { class: "quiet" }, entry.last_at === null ? t("voice.entry_never")
        : h("span", {}, t("voice.entry_last"), " ", timeWithAge(entry.last_at),
          /^\d+$/.test(entry.last_result ?? "") ? "" : ` · ${tServer("voice.entry_failed", entry.last_result)}`)),
      this.mayChange ? h("span", { class: "entry-tools" },
        iconButton("edit", t("voice.entry_edit", { name: entry.name }), () => void this.edit(entry)),
        iconButton("trash", t("voice.delete", { name: entry.name }), () => void this.remove(entry))) : null);
  }

  private async edit(entry: TimetableEntry | null): Promise<void> {
    const picker = new TargetPicker(this.api, entry?.targets ?? null);
    const sound = new SoundFields(["text", "file"]);
    const at = h("input", { type: "time", name: "at", required: true, value: entry?.at ?? "07:45" });
    const boxes = DAYS.map((day) => h("input", { type: "checkbox", name: `day-${day}`,
      checked: entry === null || entry.days.includes(day) }));
    const enabled = h("input", { type: "checkbox", name: "enabled", checked: entry?.enabled ?? true });
    if (entry !== null) sound.show(entry);
    sound.offer(this.announcements);
    const saved = await openDialog({
      title: t(entry === null ? "voice.entry_add" : "voice.timetable"), name: "entry",
      body: [sound.element,
        h("div", { class: "field" }, h("span", { class: "field-label" }, t("voice.targets")), picker.element),
        field(t("voice.at"), at),
        h("div", { class: "days" }, ...DAYS.map((day, index) => h("label", { class: "switch" },
          boxes[index] as HTMLInputElement, t(`voice.day.${day}` as Key)))),
        h("label", { class: "switch" }, enabled, t("voice.entry_on"))],
      action: { label: t("common.save"), run: () => this.api.saveEntry({
        ...sound.draft(), targets: picker.targets(), at: at.value, enabled: enabled.checked,
        days: DAYS.filter((_, index) => boxes[index]?.checked),
      }, entry?.id ?? null) },
    });
    if (saved) this.reload();
  }

  private async remove(entry: TimetableEntry): Promise<void> {
    const done = await confirmLoss({ title: t("voice.delete", { name: entry.name }), lost: [`${entry.at} ${entry.name}`],
      action: t("voice.remove"), run: () => this.api.deleteEntry(entry.id) });
    if (done) this.reload();
  }
}
