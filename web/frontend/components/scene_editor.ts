/** A scene on one channel: draw the region on the live picture, choose what to look for and how grave it is. */

import { Problem, type Api } from "../api";
import type { AlarmLevel, Channel, Plugin, Point, Scene } from "../contract";
import { fill, h, icon } from "../dom";
import { t } from "../i18n";
import { containRect, type Rect } from "../player/geometry";
import { LivePlayer } from "../player/live_player";
import { Overlay } from "../player/overlay";
import { boxWords } from "./box_words";
import { diagnose } from "./diagnosis";
import { field, openDialog } from "./dialog";
import { isUsable } from "./polygon";
import { RegionCanvas } from "./region_canvas";
import { schemaForm, type SchemaForm } from "./schema_form";
import { veilContent } from "./tile_veil";
import { attempt } from "./toast";

const LEVELS: AlarmLevel[] = [1, 2, 3, 4];
const DEFAULT_FPS = 2;
const REDRAW_MS = 500;

/** Ask for a new scene or a change of one; true when it was saved. */
export async function editScene(api: Api, channel: Channel, scene: Scene | null): Promise<boolean> {
  let plugins: Plugin[] = [];
  if (!(await attempt(async () => { plugins = await api.plugins(); }))) return false;
  const editor = new SceneEditor(api, channel, scene, plugins);
  try {
    return await openDialog({
      title: t(scene === null ? "scene.add_title" : "scene.edit_title", { name: channel.name }),
      name: "scene",
      body: [editor.element],
      action: { label: t("common.save"), run: () => editor.save() },
    });
  } finally {
    editor.close();
  }
}

class SceneEditor {
  readonly element = h("div", { class: "scene-editor" });
  private points: readonly Point[];
  private readonly player: LivePlayer;
  private readonly region: RegionCanvas;
  private readonly timer: number;
  private readonly pluginChoice = h("select", { name: "plugin" });
  private readonly name: HTMLInputElement;
  private readonly fps: HTMLInputElement;
  private readonly level: HTMLSelectElement;
  private readonly enabled: HTMLInputElement;
  private readonly params = h("div", { class: "scene-params" });
  private form: SchemaForm = { elements: [], values: () => ({}) };

  constructor(
    private readonly api: Api, private readonly channel: Channel,
    private readonly scene: Scene | null, private readonly plugins: Plugin[],
  ) {
    this.points = scene?.region ?? [];
    const video = h("video");
    const overlay = new Overlay(video, boxWords);
    const veil = h("div", { class: "tile-veil" });
    this.region = new RegionCanvas(this.points, () => this.picture(video, overlay.canvas),
      (points) => { this.points = points; });
    this.player = new LivePlayer({
      code: channel.code, video, overlay, diagnose: (code) => diagnose(api, code),
      onChange: (player) => this.showState(player, veil),
      onFrame: (player) => { stage.dataset["frames"] = String(player.frames); },
    });
    const stage = h("div", { class: "scene-stage", "data-role": "scene-stage" },
      video, overlay.canvas, veil, this.region.canvas);
    this.name = h("input", { name: "name", required: true, maxlength: "128",
      value: scene?.name ?? "" });
    this.fps = h("input", { name: "sample_fps", type: "number", min: "0.1", max: "30", step: "any",
      required: true, value: scene?.sample_fps ?? DEFAULT_FPS });
    this.level = h("select", { name: "level" }, ...LEVELS.map((level) => h("option", {
      value: level, selected: level === (scene?.level ?? 2) }, t(`level.${level}`))));
    this.enabled = h("input", { type: "checkbox", role: "switch", name: "enabled",
      checked: scene?.enabled ?? true });
    this.fillPlugins();
    this.lay(stage);
    this.timer = window.setInterval(() => this.region.draw(), REDRAW_MS);
    if (channel.online) this.player.open();
    else this.player.showOffline(channel.state_since, channel.cause);
  }

  /** Send what was drawn and chosen. */
  async save(): Promise<Scene> {
    if (!isUsable(this.points)) throw new Problem(0, "region", t("scene.region_bad"), "");
    return this.api.saveScene({
      channel: this.channel.code,
      plugin: this.pluginChoice.value,
      name: this.name.value.trim(),
      enabled: this.enabled.checked,
      sample_fps: this.fps.valueAsNumber,
      region: this.points.map(([x, y]): Point => [round(x), round(y)]),
      params: this.form.values(),
      level: Number(this.level.value) as AlarmLevel,
    }, this.scene?.id ?? null);
  }

  close(): void {
    window.clearInterval(this.timer);
    this.player.close();
  }

  private fillPlugins(): void {
    fill(this.pluginChoice, ...this.plugins.map((plugin) => h("option", {
      value: plugin.id, selected: plugin.id === this.scene?.plugin }, plugin.name)));
    this.pluginChoice.addEventListener("change", () => this.showParams());
    this.showParams();
  }

  private showParams(): void {
    const plugin = this.plugins.find((one) => one.id === this.pluginChoice.value);
    this.form = schemaForm(plugin?.params_schema.properties ?? {}, this.scene?.params ?? {});
    fill(this.params, ...this.form.elements);
    if (this.name.value === "" && plugin !== undefined) this.name.value = plugin.name;
  }

  private lay(stage: HTMLElement): void {
    const clear = h("button", { type: "button", class: "button button-small",
      "data-action": "clear-region", onclick: () => this.region.clear() }, icon("trash"), t("scene.region_clear"));
    fill(this.element,
      h("div", { class: "scene-picture" }, stage,
        h("div", { class: "scene-hint" }, h("p", { class: "quiet" }, t("scene.region_hint")), clear)),
      h("div", { class: "scene-form" },
        field(t("scene.plugin"), this.pluginChoice),
        field(t("scene.name"), this.name),
        h("div", { class: "field-row" },
          field(t("scene.level"), this.level), field(t("scene.fps"), this.fps)),
        this.params,
        h("label", { class: "switch" }, this.enabled, h("span", {}, t("scene.enable")))));
  }

  private showState(player: LivePlayer, veil: HTMLElement): void {
    veil.hidden = player.state.name === "live";
    stageOf(veil).dataset["state"] = player.state.name;
    if (player.state.name !== "live") {
      fill(veil, veilContent(player.state, { retry: () => player.open(), copyUrl: () => undefined }));
    }
    this.region.draw();
  }

  /** Without a picture yet, the corners keep to the usual 16:9. */
  private picture(video: HTMLVideoElement, canvas: HTMLCanvasElement): Rect {
    return containRect(canvas.clientWidth, canvas.clientHeight,
      video.videoWidth || 16, video.videoHeight || 9);
  }
}

function stageOf(veil: HTMLElement): HTMLElement {
  return veil.parentElement ?? veil;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
