/** The library of announcements: listen, upload a file, let a text be spoken, delete. */

import type { Api } from "../api";
import type { Announcement } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t } from "../i18n";
import { confirmLoss, field, openDialog } from "./dialog";
import { attempt } from "./toast";

export class AnnouncementList {
  readonly element = h("section", { class: "panel announcements", "aria-label": t("voice.library") });
  private readonly player = h("audio", { hidden: true });
  private readonly file = h("input", { type: "file", accept: "audio/*,video/*", hidden: true, name: "announcement-file" });

  constructor(private readonly api: Api, private readonly mayChange: boolean, private readonly reload: () => void) {
    this.file.addEventListener("change", () => void this.upload());
  }

  show(announcements: Announcement[]): void {
    fill(this.element, h("header", { class: "panel-head" }, h("h2", {}, t("voice.library")),
      ...(this.mayChange ? [
        h("button", { type: "button", class: "button button-small", "data-action": "upload",
          onclick: () => this.file.click() }, icon("plus"), t("voice.upload")),
        h("button", { type: "button", class: "button button-small", "data-action": "speak",
          onclick: () => void this.speak() }, icon("edit"), t("voice.speak")),
      ] : []), this.file, this.player),
    h("ul", { class: "plain-list" }, ...announcements.map((each) => this.row(each))),
    announcements.length === 0 ? h("p", { class: "quiet" }, t("voice.library_none")) : null);
  }

  private row(each: Announcement): HTMLElement {
    return h("li", { class: "announcement", "data-announcement": each.id },
      iconButton("play", t("voice.listen", { name: each.name }), () => this.listen(each)),
      h("span", { class: "announcement-name" }, each.name),
      h("span", { class: "quiet" }, `${each.length_s.toFixed(1)} s · ${each.by}`),
      this.mayChange ? iconButton("trash", t("voice.delete", { name: each.name }), () => void this.remove(each)) : null);
  }

  private listen(each: Announcement): void {
    this.player.src = each.url;
    void this.player.play();
  }

  private async upload(): Promise<void> {
    const [file] = this.file.files ?? [];
    this.file.value = "";
    if (file === undefined) return;
    const name = file.name.replace(/\.[^.]*$/, "").slice(0, 128) || t("voice.recording");
    if (await attempt(() => this.api.uploadAnnouncement(name, file), t("voice.kept", { name }))) this.reload();
  }

  private async speak(): Promise<void> {
    const name = h("input", { name: "name", required: true, maxlength: 128 });
    const text = h("textarea", { name: "text", rows: 4, maxlength: 1000, required: true });
    const made = await openDialog({ title: t("voice.speak"), name: "speak",
      body: [field(t("voice.name"), name), field(t("voice.text"), text, t("voice.text_hint"))],
      action: { label: t("common.save"), run: () => this.api.speakAnnouncement(name.value.trim(), text.value.trim()) } });
    if (made) this.reload();
  }

  private async remove(each: Announcement): Promise<void> {
    const done = await confirmLoss({ title: t("voice.delete", { name: each.name }), lost: [each.name],
      action: t("voice.remove"), run: () => this.api.deleteAnnouncement(each.id) });
    if (done) this.reload();
  }
}
