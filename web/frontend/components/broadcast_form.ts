/** A broadcast to make: name, targets, sound (microphone, text, recording), urgency, repetitions. */

import type { Api } from "../api";
import type { Announcement, Broadcast, BroadcastDraft } from "../contract";
import { fill, h, icon } from "../dom";
import { t, type Key } from "../i18n";
import { Microphone, MicrophoneError, microphoneFault } from "../microphone";
import { field } from "./dialog";
import { LevelMeter } from "./level_meter";
import { TargetPicker } from "./target_picker";
import { attempt, toast } from "./toast";

type Source = "live" | "text" | "file";
const SOURCES: Source[] = ["live", "text", "file"];
const PRIORITIES = [3, 5, 9] as const;

/** Text or recording with urgency and repetitions: what broadcasts and the timetable share. */
export class SoundFields {
  readonly element = h("div", { class: "sound-fields" });
  readonly name = h("input", { name: "name", required: true, maxlength: 128, autocomplete: "off" });
  private readonly text = h("textarea", { name: "text", rows: 3, maxlength: 1000 });
  private readonly announcement = h("select", { name: "announcement" });
  private readonly priority = h("select", { name: "priority" }, ...PRIORITIES.map((each) =>
    h("option", { value: each, selected: each === 5 }, t(`voice.priority.${each}` as Key))));
  private readonly times = h("input", { name: "times", type: "number", min: 1, max: 20, value: 1 });
  private readonly tabs: HTMLButtonElement[];
  private readonly body = h("div", { class: "sound-body" });
  source: Source;

  constructor(private readonly sources: Source[], private readonly live: Node | null = null) {
    this.source = sources[0] ?? "text";
    this.tabs = sources.map((source) => h("button", { type: "button", "data-source": source,
      onclick: () => this.choose(source) }, t(`voice.source.${source}` as Key)));
    fill(this.element, field(t("voice.name"), this.name),
      h("div", { class: "segmented", role: "group", "aria-label": t("voice.source") }, ...this.tabs),
      this.body, h("div", { class: "field-row" }, field(t("voice.priority"), this.priority),
        field(t("voice.times"), this.times)));
    this.choose(this.source);
  }

  show(draft: BroadcastDraft): void {
    this.name.value = draft.name;
    this.text.value = draft.text ?? "";
    this.announcement.dataset["wanted"] = draft.announcement ?? "";
    this.priority.value = String(draft.priority ?? 5);
    this.times.value = String(draft.times ?? 1);
    this.choose(draft.text ? "text" : "file");
  }

  offer(announcements: Announcement[]): void {
    const chosen = this.announcement.value || this.announcement.dataset["wanted"];
    fill(this.announcement, ...announcements.map((each) => h("option", { value: each.id,
      selected: each.id === chosen }, `${each.name}（${Math.round(each.length_s)} s）`)));
    if (announcements.length === 0) fill(this.announcement, h("option", { value: "" }, t("voice.no_recording")));
  }

  draft(): Omit<BroadcastDraft, "targets"> {
    const shared = { name: this.name.value.trim(), priority: Number(this.priority.value) };
    if (this.source === "live") return { ...shared, live: true };
    const times = Number(this.times.value) || 1;
    return this.source === "text" ? { ...shared, times, text: this.text.value.trim() }
      : { ...shared, times, announcement: this.announcement.value };
  }

  private choose(source: Source): void {
    this.source = this.sources.includes(source) ? source : this.sources[0] ?? "text";
    for (const tab of this.tabs) tab.setAttribute("aria-pressed", String(tab.dataset["source"] === this.source));
    this.times.disabled = this.source === "live";
    if (this.source === "live") fill(this.body, this.live ?? h("span"));
    else if (this.source === "text") fill(this.body, field(t("voice.text"), this.text, t("voice.text_hint")));
    else fill(this.body, field(t("voice.source.file"), this.announcement));
  }
}

export class BroadcastForm {
  readonly element: HTMLFormElement;
  private readonly picker: TargetPicker;
  private readonly sound: SoundFields;
  private readonly meter = new LevelMeter(t("talk.level"));
  private readonly onAir = h("p", { class: "on-air", hidden: true });
  private readonly button = h("button", { type: "submit", class: "button button-primary", "data-action": "broadcast" });
  private microphone: Microphone | null = null;

  constructor(private readonly api: Api, private readonly onMade: (made: Broadcast) => void) {
    this.picker = new TargetPicker(api);
    const fault = microphoneFault();
    this.sound = new SoundFields(SOURCES, h("p", { class: fault === null ? "quiet" : "notice" },
      t(fault === null ? "voice.live_hint" : `microphone.${fault}` as Key)));
    fill(this.onAir, icon("mic"), h("span", { "data-on-air": "" }), this.meter.element);
    this.element = h("form", { class: "panel voice-form", "data-form": "broadcast",
      onsubmit: (event: SubmitEvent) => { event.preventDefault(); void this.submit(); } },
    h("h2", {}, t("voice.new")), h("div", { class: "field" }, h("span", { class: "field-label" }, t("voice.targets")),
      this.picker.element), this.sound.element, this.onAir, this.button);
    this.render();
  }

  offer(announcements: Announcement[]): void {
    this.sound.offer(announcements);
  }

  private async submit(): Promise<void> {
    if (this.microphone !== null) {
      this.microphone.close();
      return;
    }
    if (this.picker.isEmpty) {
      toast(t("voice.pick_first"), "bad");
      return;
    }
    const draft = { ...this.sound.draft(), targets: this.picker.targets() };
    if (draft.live === true && !(await this.openMicrophone())) return;
    this.button.disabled = true;
    const worked = await attempt(async () => {
      const made = await this.api.beginBroadcast(draft);
      if (made.microphone !== null) this.microphone?.connect(made.microphone);
      this.onMade(made);
    });
    this.button.disabled = false;
    if (!worked) this.hangUp();
  }

  private hangUp(): void {
    this.microphone?.close();
    this.ended();
  }

  private async openMicrophone(): Promise<boolean> {
    try {
      this.microphone = await Microphone.open({
        onLevel: (peak) => this.meter.show(peak),
        onState: (state) => {
          const words = this.onAir.querySelector("[data-on-air]");
          if (words !== null) words.textContent = t(state.state === "speaking" ? "talk.speaking" : "talk.calling");
        },
        onEnd: () => this.ended(),
      });
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      toast(t(`microphone.${error.fault}` as Key), "bad");
      return false;
    }
    this.render();
    return true;
  }

  private ended(): void {
    this.microphone = null;
    this.render();
  }

  private render(): void {
    const isLive = this.microphone !== null;
    this.onAir.hidden = !isLive;
    this.button.classList.toggle("button-danger", isLive);
    fill(this.button, icon(isLive ? "stop" : "speaker"), t(isLive ? "voice.end_live" : "voice.begin"));
  }
}
