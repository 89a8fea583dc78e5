/** Talking to one camera: press and hold, or press once to begin and once to end. */

import type { Api } from "../api";
import type { Broadcast } from "../contract";
import { h, icon } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { Microphone, MicrophoneError } from "../microphone";
import { LevelMeter } from "./level_meter";
import { attempt, toast } from "./toast";

/** A press that is longer than this ends with the finger. */
const HOLD_MS = 600;

type State = "idle" | "calling" | "speaking";

export class TalkControl {
  readonly element: HTMLElement;
  private readonly button: HTMLButtonElement;
  private readonly words = h("span", { class: "talk-words", "aria-live": "polite" });
  private readonly meter = new LevelMeter(t("talk.level"));
  private microphone: Microphone | null = null;
  private state: State = "idle";
  private last: Broadcast | null = null;
  private pressedAt = 0;
  private isWanted = false;

  constructor(private readonly api: Api, private readonly code: string) {
    this.button = h("button", {
      type: "button", class: "icon-button talk-button", "data-action": "talk", "aria-pressed": "false",
      onpointerdown: (event: PointerEvent) => this.press(event),
      onclick: (event: MouseEvent) => { if (event.detail === 0) this.toggle(); },
    }, icon("mic"));
    this.element = h("span", { class: "talk", "data-talk": "idle" }, this.words, this.meter.element, this.button);
    this.render();
  }

  close(): void {
    this.isWanted = false;
    this.microphone?.close();
    this.microphone = null;
    this.enter("idle");
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    if (this.isWanted) {
      this.close();
      return;
    }
    this.pressedAt = performance.now();
    const released = (): void => {
      window.removeEventListener("pointerup", released);
      window.removeEventListener("pointercancel", released);
      if (performance.now() - this.pressedAt > HOLD_MS) this.close();
    };
    window.addEventListener("pointerup", released);
    window.addEventListener("pointercancel", released);
    void this.begin();
  }

  private toggle(): void {
    if (this.isWanted) this.close();
    else void this.begin();
  }

  private async begin(): Promise<void> {
    this.isWanted = true;
    this.last = null;
    this.enter("calling");
    let opened: Microphone;
    try {
      opened = await Microphone.open({
        onState: (state) => this.take(state),
        onLevel: (peak) => this.meter.show(peak),
        onEnd: () => this.ended(),
      });
    } catch (error) {
      if (!(error instanceof MicrophoneError)) throw error;
      toast(t(`microphone.${error.fault}` as Key), "bad");
      this.close();
      return;
    }
    if (!this.stillWanted(opened)) return;
    this.microphone = opened;
    const worked = await attempt(async () => {
      const { talk } = await this.api.beginTalk(this.code);
      if (talk?.microphone != null) opened.connect(talk.microphone);
    });
    if (!worked) this.close();
    else this.stillWanted(opened);
  }

  /** The finger may have gone while we asked. */
  private stillWanted(opened: Microphone): boolean {
    if (!this.isWanted) opened.close();
    return this.isWanted;
  }

  private take(state: Broadcast): void {
    this.last = state;
    if (this.isWanted && state.state === "speaking") this.enter("speaking");
  }

  private ended(): void {
    const state = this.last;
    if (this.isWanted && state !== null && state.state !== "done") {
      const reason = state.targets[0]?.reason;
      const why = reason == null ? tServer("voice.state", state.state) : tServer("voice.reason", reason);
      toast(t("talk.failed", { why }), "bad");
    }
    this.close();
  }

  private enter(state: State): void {
    this.state = state;
    this.render();
  }

  private render(): void {
    const label = t(this.state === "idle" ? "talk.begin" : "talk.end");
    this.element.dataset["talk"] = this.state;
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
    this.button.setAttribute("aria-pressed", String(this.state !== "idle"));
    this.words.textContent = this.state === "idle" ? "" : t(`talk.${this.state}` as Key);
    this.meter.element.hidden = this.state === "idle";
  }
}
