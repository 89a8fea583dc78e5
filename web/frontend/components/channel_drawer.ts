/** Everything about one channel: marks, live facts, spans, recording, scenes. */

import { formatCode, formatTime, serverNow, startOfDay } from "../clock";
import type { Channel, EventType, LiveStatus, Scene, Segment, Span } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { canAdminister, canOperate, type PageContext } from "../frame";
import { t, tLength, tServer, type Key } from "../i18n";
import { codecName } from "../player/protocol";
import { channelActs, headControl, pictureList } from "./channel_control";
import { configEditor } from "./config_editor";
import { confirmLoss, field, openDialog } from "./dialog";
import { doctorCard } from "./doctor_card";
import { Drawer, folded, KeptParts, section } from "./drawer";
import { levelBadge } from "./level";
import { causeText, threeMarks } from "./marks";
import { positionView } from "./reports";
import { editScene } from "./scene_editor";
import { segmentList } from "./segment_list";
import { canTurn } from "./tile_strip";
import { attempt, copyText } from "./toast";

const SPANS_SHOWN = 12;

/** What a page with this drawer asks the event stream for. */
export const CHANNEL_EVENTS: EventType[] = ["channel_status", "live_status", "segment_recorded", "position"];

export class ChannelDrawer {
  private readonly drawer = new Drawer(() => { this.code = null; this.kept.clear(); });
  private readonly kept = new KeptParts();
  private code: string | null = null;

  constructor(private readonly context: PageContext) {
    const { events } = context;
    events.on("channel_status", (status) => { if (status.code === this.code) void this.refresh(); });
    events.on("live_status", (status) => { if (status.code === this.code) this.showLive(status); });
    events.on("segment_recorded", (segment) => { if (segment.channel === this.code) void this.refresh(); });
    events.on("position", (place) => { if (place.channel === this.code) void this.showPosition(place.channel); });
    events.onGap(() => void this.refresh());
  }

  async open(code: string): Promise<void> {
    this.code = code;
    await this.refresh();
  }

  close(): boolean {
    return this.drawer.close();
  }

  private async refresh(): Promise<void> {
    const code = this.code;
    if (code === null) return;
    const { api } = this.context;
    await attempt(async () => {
      const now = serverNow();
      const iso = (ms: number): string => new Date(ms).toISOString();
      const [channel, spans, scenes, segments, place] = await Promise.all([
        api.channel(code), api.spans(code, "channel"), api.scenes(code),
        api.segments(code, iso(startOfDay(now)), iso(now + 60_000)), positionView(api, code),
      ]);
      if (this.code === code) this.show(channel, spans, scenes, segments, place);
    });
  }

  private show(channel: Channel, spans: Span[], scenes: Scene[], segments: Segment[], place: HTMLElement | null): void {
    this.drawer.element.dataset["channel"] = channel.code;
    this.drawer.show(channel.name,
      this.identity(channel),
      section(t("drawer.marks"), "marks", threeMarks(channel)),
      section(t("drawer.live"), "live", this.live(channel.code, channel.live)),
      section(t("drawer.recording"), "recording", this.recording(channel),
        canOperate(this.context.session) ? channelActs(this.context.api, channel.code) : null,
        segmentList(segments, channel.recording)),
      ...(place === null ? [] : [section(t("position.title"), "position", place)]),
      section(t("drawer.scenes"), "scenes", this.scenes(channel, scenes)),
      ...this.controls(channel),
      folded(t("drawer.spans"), "spans", spanList(spans)));
  }

  /** What asks or changes the camera; kept while the drawer shows it. */
  private controls(channel: Channel): HTMLElement[] {
    const { api, session } = this.context;
    const { code } = channel;
    const mayOperate = canOperate(session);
    const part = (title: Key, name: string, make: () => Node): HTMLElement =>
      this.kept.of(code, name, () => folded(t(title), name, make));
    const pictures = part("pictures.title", "pictures", () => pictureList(api, channel, mayOperate));
    const doctor = part("doctor.title", "doctor", () => doctorCard(api, code, channel.name));
    if (!mayOperate) return [doctor, pictures];
    return [doctor, pictures,
      ...(canTurn(channel) ? [part("aim.title", "head", () => headControl(api, channel))] : []),
      part("drawer.config", "config", () => configEditor(api, "channels", code, canAdminister(session)))];
  }

  private identity(channel: Channel): HTMLElement {
    const edit = canAdminister(this.context.session)
      ? iconButton("edit", t("drawer.edit"), () => void this.edit(channel), { "data-action": "edit-channel" })
      : null;
    return h("dl", { class: "facts" },
      h("dt", {}, t("channel.code")),
      h("dd", {}, h("code", { title: formatCode(channel.code) }, channel.code),
        iconButton("copy", t("common.copy_of", { what: t("channel.code") }), () => void copyText(channel.code))),
      h("dt", {}, t("channel.category")),
      h("dd", {}, channel.category === null ? t("channel.no_category")
        : `${channel.category_code ?? ""} ${channel.category}`, " ", edit),
      h("dt", {}, t("channel.device")),
      h("dd", {}, h("a", { href: `/devices?device=${channel.device_id}` }, channel.device_id)));
  }

  private async edit(channel: Channel): Promise<void> {
    const name = h("input", { name: "name", value: channel.name, maxlength: "128", required: true });
    const category = h("input", { name: "category_code", value: channel.category_code ?? "",
      pattern: "[0-9]{4}|", inputmode: "numeric", maxlength: "4" });
    const changed = await openDialog({
      title: t("drawer.edit"),
      name: "edit-channel",
      body: [field(t("channel.name"), name), field(t("channel.category_code"), category, t("channel.category_hint"))],
      action: { label: t("common.save"), run: () => this.context.api.changeChannel(channel.code, {
        name: name.value, category_code: category.value }) },
    });
    if (changed) await this.refresh();
  }

  private showLive(status: LiveStatus): void {
    const shown = this.drawer.element.querySelector("[data-section=live] > div");
    shown?.replaceWith(this.live(status.code, status));
  }

  private async showPosition(code: string): Promise<void> {
    const fresh = await positionView(this.context.api, code);
    const shown = this.drawer.element.querySelector("[data-role=position]");
    if (fresh !== null && this.code === code) shown?.replaceWith(fresh);
  }

  private live(code: string, status: LiveStatus | null): HTMLElement {
    const copy = h("button", { type: "button", class: "button button-small", "data-action": "copy-live-url",
      onclick: () => void this.copyUrl(code) }, icon("copy"), t("drawer.copy_url"));
    if (status === null || status.state === "idle") {
      return h("div", {}, h("p", { class: "quiet" }, t("drawer.live_idle")), copy);
    }
    return h("div", {}, h("dl", { class: "facts" }, ...liveFacts(status)), copy);
  }

  private async copyUrl(code: string): Promise<void> {
    await attempt(async () => {
      const { urls } = await this.context.api.liveStatus(code);
      const url = urls?.["http_flv"];
      if (url !== undefined) await copyText(new URL(url, location.href).href);
    });
  }

  private recording(channel: Channel): HTMLElement {
    const box = h("input", { type: "checkbox", role: "switch", checked: channel.recording,
      disabled: !canOperate(this.context.session), "data-action": "recording" });
    box.addEventListener("change", () => {
      const wanted = box.checked;
      void attempt(() => this.context.api.switchRecording(channel.code, wanted),
        t(wanted ? "drawer.recording_on" : "drawer.recording_off"))
        .then((worked) => { if (!worked) box.checked = !wanted; });
    });
    return h("label", { class: "switch" }, box, h("span", {}, t("drawer.record_this")));
  }

  private scenes(channel: Channel, scenes: Scene[]): HTMLElement {
    const list = h("ul", { class: "plain-list" });
    const mayEdit = canOperate(this.context.session);
    fill(list, ...scenes.map((scene) => h("li", { class: "scene", "data-scene": scene.id },
      levelBadge(scene.level),
      h("span", { class: "scene-name" }, scene.name),
      h("span", { class: "quiet" }, scene.enabled ? t("scene.enabled") : t("scene.disabled")),
      mayEdit ? iconButton("edit", t("scene.edit"), () => void this.editScene(channel, scene)) : null,
      mayEdit ? iconButton("trash", t("scene.delete"), () => void this.deleteScene(scene)) : null)));
    return h("div", {},
      scenes.length === 0 ? h("p", { class: "quiet" }, t("scene.none")) : list,
      mayEdit ? h("button", { type: "button", class: "button button-small", "data-action": "add-scene",
        onclick: () => void this.editScene(channel, null) }, icon("plus"), t("scene.add")) : null);
  }

  private async editScene(channel: Channel, scene: Scene | null): Promise<void> {
    if (await editScene(this.context.api, channel, scene)) await this.refresh();
  }

  private async deleteScene(scene: Scene): Promise<void> {
    const deleted = await confirmLoss({
      title: t("scene.delete_title", { name: scene.name }),
      lost: [t("scene.lost_rule"), t("scene.lost_alarms")],
      kept: t("scene.kept"),
      action: t("scene.delete"),
      run: () => this.context.api.deleteScene(scene.id),
    });
    if (deleted) await this.refresh();
  }
}

function liveFacts(status: LiveStatus): HTMLElement[] {
  const size = status.width && status.height ? `${status.width}×${status.height}` : "";
  const rate = status.frame_rate ? `${Math.round(status.frame_rate * 10) / 10} fps` : "";
  const bits = status.bitrate_bps ? `${(status.bitrate_bps / 1e6).toFixed(2)} Mbit/s` : "";
  const rows: [string, string][] = [
    [t("live.state"), tServer("tile.state", status.state)],
    [t("live.picture"), [codecName(status.codec), size, rate].filter((part) => part !== "").join(" · ")],
    [t("live.bitrate"), bits],
    [t("live.transport"), tServer("transport", status.transport)],
    [t("live.viewers"), String(status.viewers)],
    [t("live.lost"), String(status.lost)],
  ];
  return rows.filter(([, value]) => value !== "")
    .flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
}

/** On, off and unobserved stretches with their cause, newest first. */
export function spanList(spans: Span[]): HTMLElement {
  if (spans.length === 0) return h("p", { class: "quiet" }, t("spans.none"));
  return h("ol", { class: "plain-list spans" }, ...spans.slice(0, SPANS_SHOWN).map((span) => {
    const end = span.end === null ? serverNow() : Date.parse(span.end);
    const length = tLength((end - Date.parse(span.start)) / 1000);
    return h("li", { class: `span span-${span.state}`, "data-span": span.state },
      h("span", { class: "span-state" },
        icon(span.state === "on" ? "dot-on" : span.state === "off" ? "dot-off" : "dot-unproven"),
        tServer("spans", span.state)),
      h("time", { datetime: span.start }, formatTime(span.start)),
      h("span", { class: "quiet" }, span.end === null ? t("spans.lasting", { length }) : length),
      h("span", {}, causeText(span.cause)));
  }));
}
