/** The PTZ panel of a tile: pad, zoom, lens, speed, presets, cruises, and what belongs to a head. */

import type { Api } from "../api";
import { ControlApi, type Cruise, type Preset, type Steering } from "../control_api";
import { fill, h, icon, iconButton } from "../dom";
import { t, type Key } from "../i18n";
import { recall, remember } from "../preferences";
import { confirmLoss, field, openDialog } from "./dialog";
import { keySteering, PTZ_KEYS, PtzDrive, stickAxis } from "./ptz_drive";
import { PtzPicture } from "./ptz_picture";
import { takeSnapshot } from "./ptz_snapshot";
import { attempt, problemText, toast } from "./toast";

const PAD: [Key, number, number, string][] = [
  ["ptz.up_left", -1, 1, "↖"], ["ptz.up", 0, 1, "↑"], ["ptz.up_right", 1, 1, "↗"],
  ["ptz.left", -1, 0, "←"], ["ptz.stop", 0, 0, "■"], ["ptz.right", 1, 0, "→"],
  ["ptz.down_left", -1, -1, "↙"], ["ptz.down", 0, -1, "↓"], ["ptz.down_right", 1, -1, "↘"],
];
const LENS: [Key, keyof Steering][] =
  [["ptz.zoom", "zoom"], ["ptz.focus", "focus"], ["ptz.iris", "iris"]];
const WIPER = 1;
const LAMP = 2;
const HIGHEST_PRESET = 255;
const CRUISE_STAY_S = 10;

const isSpeed = (value: unknown): value is number => typeof value === "number" && value >= 0.1 && value <= 1;

export interface PanelOptions { api: Api; code: string; name: string; video: HTMLVideoElement; tile: HTMLElement }

export class PtzPanel {
  readonly element: HTMLElement;
  private readonly control: ControlApi;
  private readonly drive: PtzDrive;
  private readonly picture: PtzPicture;
  private readonly pressed = new Set<string>();
  private readonly presetList = h("ul", { class: "plain-list ptz-presets" });
  private readonly cruiseList = h("ul", { class: "plain-list ptz-cruises" });
  private readonly holder = h("p", { class: "ptz-holder quiet", hidden: true });
  private readonly leaving = new AbortController();
  private presets: Preset[] = [];
  private speed = recall("ptz-speed", 0.5, isSpeed);
  private isLocked = false;
  private stick = "";

  constructor(private readonly options: PanelOptions) {
    const { api, code, video, tile } = options;
    this.control = new ControlApi(api);
    this.drive = new PtzDrive({
      send: async (steering) => this.showHolder((await this.control.steer(code, steering)).holder),
      onProblem: (error) => toast(problemText(error), "bad"),
    });
    this.picture = new PtzPicture(video, {
      hold: (steering) => this.drive.hold(steering),
      release: () => this.drive.release(),
      zoomTo: (frame) => void attempt(() => this.control.zoomTo(code, frame)),
    });
    this.element = h("aside", { class: "ptz-panel", "data-ptz": "panel", "aria-label": t("ptz.title") },
      this.pad(), this.speedSlider(), this.lens(), this.holder,
      h("h4", {}, t("ptz.presets"),
        iconButton("plus", t("ptz.preset_save"), () => void this.savePreset(), { "data-action": "save-preset" })),
      this.presetList,
      h("h4", {}, t("ptz.cruises"),
        iconButton("plus", t("ptz.cruise_make"), () => void this.makeCruise(), { "data-action": "make-cruise" })),
      this.cruiseList, this.tools());
    tile.classList.add("tile-steered");
    video.parentElement?.append(this.picture.element);
    this.listen(tile);
    void attempt(async () => this.showHolder((await this.control.ptz(code)).holder));
    void this.refreshPresets();
    void this.refreshCruises();
    this.readStick();
  }

  close(): void {
    this.leaving.abort();
    this.drive.release();
    this.picture.close();
    this.options.tile.classList.remove("tile-steered");
    this.element.remove();
    if (this.isLocked) void attempt(() => this.control.release(this.options.code));
  }

  /** Whatever takes the hand away from the camera lets it go. */
  private listen(tile: HTMLElement): void {
    const { signal } = this.leaving;
    const letGo = (): void => { this.pressed.clear(); this.drive.release(); };
    window.addEventListener("blur", letGo, { signal });
    window.addEventListener("pagehide", letGo, { signal });
    document.addEventListener("visibilitychange", () => { if (document.hidden) letGo(); }, { signal });
    tile.addEventListener("focusout", (event) => {
      if (!tile.contains(event.relatedTarget as Node | null)) letGo();
    }, { signal });
    tile.addEventListener("keydown", (event) => this.onKey(event, true), { signal });
    tile.addEventListener("keyup", (event) => this.onKey(event, false), { signal });
  }

  private onKey(event: KeyboardEvent, isDown: boolean): void {
    const key = event.key.toLowerCase();
    if (!PTZ_KEYS.has(key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if ((event.target as Element).closest("input, select, textarea") !== null) return;
    event.preventDefault();
    event.stopPropagation();
    if (isDown) this.pressed.add(key);
    else this.pressed.delete(key);
    this.drive.hold(keySteering(this.pressed, this.speed) ?? {});
  }

  /** A joystick, as long as this panel is open. */
  private readStick(): void {
    if (this.leaving.signal.aborted) return;
    const pad = navigator.getGamepads().find((each) => each !== null);
    if (pad !== undefined && pad !== null) {
      const steering = {
        pan: stickAxis(pad.axes[0]), tilt: -stickAxis(pad.axes[1]), zoom: -stickAxis(pad.axes[3] ?? pad.axes[2]),
      };
      const position = JSON.stringify(steering);
      if (position !== this.stick) this.drive.hold(steering);
      this.stick = position;
    }
    window.requestAnimationFrame(() => this.readStick());
  }

  private holdButton(label: string, sign: Node | string, steering: () => Partial<Steering>, action: string): HTMLElement {
    const release = (): void => this.drive.release();
    return h("button", { type: "button", class: "ptz-button", title: label, "aria-label": label, "data-ptz": action,
      onpointerdown: (event: PointerEvent) => {
        (event.currentTarget as Element).setPointerCapture(event.pointerId);
        this.drive.hold(steering());
      },
      onpointerup: release, onpointercancel: release, onlostpointercapture: release,
      onkeydown: (event: KeyboardEvent) => {
        if (event.key === " " || event.key === "Enter") { event.preventDefault(); this.drive.hold(steering()); }
      },
      onkeyup: release, onblur: release }, sign);
  }

  private pad(): HTMLElement {
    return h("div", { class: "ptz-pad" }, ...PAD.map(([label, pan, tilt, sign]) => pan === 0 && tilt === 0
      ? h("button", { type: "button", class: "ptz-button", title: t(label), "aria-label": t(label), "data-ptz": "stop",
        onclick: () => this.drive.stop() }, sign)
      : this.holdButton(t(label), sign, () => ({ pan: pan * this.speed, tilt: tilt * this.speed }),
        label.slice("ptz.".length))));
  }

  private lens(): HTMLElement {
    return h("div", { class: "ptz-lens" }, ...LENS.map(([label, axis]) => h("div", { class: "ptz-axis" },
      h("span", {}, t(label)),
      this.holdButton(`${t(label)} −`, "−", () => ({ [axis]: -this.speed }), `${axis}-out`),
      this.holdButton(`${t(label)} +`, "+", () => ({ [axis]: this.speed }), `${axis}-in`))));
  }

  private speedSlider(): HTMLElement {
    const slider = h("input", { type: "range", min: "0.1", max: "1", step: "0.1", value: String(this.speed), "data-ptz": "speed" });
    slider.addEventListener("input", () => { this.speed = Number(slider.value); remember("ptz-speed", this.speed); });
    return h("label", { class: "ptz-speed" }, h("span", {}, t("ptz.speed")), slider);
  }

  private tools(): HTMLElement {
    const { code, name, api } = this.options;
    const toggle = (label: Key, action: string, run: (on: boolean) => Promise<boolean>): HTMLElement => {
      const button = h("button", { type: "button", class: "button button-small", "aria-pressed": "false", "data-action": action },
        t(label));
      button.addEventListener("click", () => {
        const wanted = button.getAttribute("aria-pressed") !== "true";
        void run(wanted).then((worked) => { if (worked) button.setAttribute("aria-pressed", String(wanted)); });
      });
      return button;
    };
    return h("div", { class: "button-row ptz-tools" },
      toggle("ptz.rectangle", "ptz-rectangle", (on) => { this.picture.drawsRectangle = on; return Promise.resolve(true); }),
      toggle("ptz.wiper", "ptz-wiper", (on) => attempt(() => this.control.switch(code, WIPER, on))),
      toggle("ptz.lamp", "ptz-lamp", (on) => attempt(() => this.control.switch(code, LAMP, on))),
      toggle("ptz.lock", "ptz-lock", async (on) => {
        const worked = await attempt(() => on ? this.control.lock(code) : this.control.release(code));
        if (worked) this.isLocked = on;
        return worked;
      }),
      h("button", { type: "button", class: "button button-small", "data-action": "ptz-snapshot",
        onclick: () => void takeSnapshot(api, code, name) }, icon("camera"), t("ptz.snapshot")));
  }

  /** Who holds the camera has changed, perhaps by somebody else's hand. */
  hearHolder(holder: string | null): void { this.showHolder(holder); }

  private showHolder(holder: string | null): void {
    this.holder.hidden = holder === null;
    this.holder.textContent = holder === null ? "" : t("ptz.holder", { name: holder });
  }

  // Presets and cruises

  private async refreshPresets(): Promise<void> {
    await attempt(async () => { this.presets = await this.control.presets(this.options.code); });
    const { code } = this.options;
    fill(this.presetList, ...this.presets.map((preset) => h("li", { "data-preset": preset.number },
      h("button", { type: "button", class: "link", "data-action": "call-preset",
        onclick: () => void attempt(() => this.control.callPreset(code, preset.number)) },
        `${preset.number} ${preset.name}`),
      iconButton("device", t("ptz.make_home", { name: preset.name }),
        () => void attempt(() => this.control.setHome(code, preset.number, true), t("ptz.home_set", { name: preset.name })),
        { "data-action": "make-home" }),
      iconButton("trash", t("ptz.preset_delete", { name: preset.name }), () => void this.deletePreset(preset),
        { "data-action": "delete-preset" }))));
    if (this.presets.length === 0) fill(this.presetList, h("li", { class: "quiet" }, t("ptz.no_presets")));
  }

  private async savePreset(): Promise<void> {
    const used = new Set(this.presets.map((preset) => preset.number));
    let free = 1;
    while (used.has(free) && free < HIGHEST_PRESET) free += 1;
    const number = h("input", { type: "number", name: "number", min: "1", max: String(HIGHEST_PRESET), value: String(free), required: true });
    const name = h("input", { name: "name", maxlength: "32", required: true, value: t("ptz.preset_name", { number: free }) });
    const saved = await openDialog({
      title: t("ptz.preset_save"), name: "save-preset",
      body: [field(t("ptz.preset_label"), name), field(t("ptz.preset_number"), number, t("ptz.preset_hint"))],
      action: { label: t("common.save"),
        run: () => this.control.savePreset(this.options.code, { number: Number(number.value), name: name.value }) },
    });
    if (saved) await this.refreshPresets();
  }

  private async deletePreset(preset: Preset): Promise<void> {
    const deleted = await confirmLoss({
      title: t("ptz.preset_delete", { name: preset.name }), lost: [t("ptz.preset_lost")], action: t("ptz.delete"),
      run: () => this.control.deletePreset(this.options.code, preset.number),
    });
    if (deleted) await this.refreshPresets();
  }

  /** Devices of 2016 cannot tell their cruises; that is said in place, not as a fault. */
  private async refreshCruises(): Promise<void> {
    let cruises: Cruise[];
    try {
      cruises = await this.control.cruises(this.options.code);
    } catch (error) {
      fill(this.cruiseList, h("li", { class: "quiet" }, problemText(error)));
      return;
    }
    fill(this.cruiseList, ...cruises.map((cruise) => h("li", { "data-cruise": cruise.number },
      h("button", { type: "button", class: "link", "data-action": "start-cruise",
        onclick: () => void attempt(() => this.control.startCruise(this.options.code, cruise.number),
          t("ptz.cruise_started")) }, `${cruise.number} ${cruise.name ?? ""}`))));
    if (cruises.length === 0) fill(this.cruiseList, h("li", { class: "quiet" }, t("ptz.no_cruises")));
  }

  private async makeCruise(): Promise<void> {
    const name = h("input", { name: "name", maxlength: "32", required: true, value: t("ptz.cruise_name") });
    const stay = h("input", { type: "number", name: "stay", min: "1", max: "4095", value: String(CRUISE_STAY_S), required: true });
    const boxes = this.presets.map((preset) =>
      ({ preset, box: h("input", { type: "checkbox", checked: true }) }));
    const saved = await openDialog({
      title: t("ptz.cruise_make"), name: "make-cruise",
      body: [field(t("ptz.preset_label"), name), field(t("ptz.cruise_stay"), stay),
        ...boxes.map(({ preset, box }) => h("label", { class: "switch" }, box, h("span", {}, preset.name)))],
      action: { label: t("common.save"), run: () => this.control.saveCruise(this.options.code, 0, name.value,
        boxes.filter(({ box }) => box.checked).map(({ preset }) => preset.number), Number(stay.value)) },
    });
    if (saved) await this.refreshCruises();
  }
}
