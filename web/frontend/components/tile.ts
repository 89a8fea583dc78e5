/** One tile of the wall: the picture, the truth about it, and our own words in a strip below. */

import type { Api } from "../api";
import type { Alarm, Channel, ChannelStatus, Detections, LiveStatus } from "../contract";
import { fill, h } from "../dom";
import { t } from "../i18n";
import { FilePlayer } from "../player/file_player";
import { LivePlayer, type ReplayOptions } from "../player/live_player";
import { LiveSound } from "../player/live_sound";
import { Overlay } from "../player/overlay";
import { codecName } from "../player/protocol";
import { soundWay } from "../player/sound_way";
import { CHANNEL_DRAG } from "./alarm_list";
import { boxWords } from "./box_words";
import { diagnose } from "./diagnosis";
import { openDoctor } from "./doctor_card";
import { TalkControl } from "./talk_control";
import { PtzPanel } from "./ptz_panel";
import { canTurn, stripContent, stripTools } from "./tile_strip";
import { veilContent } from "./tile_veil";
import { attempt, copyText } from "./toast";

export const TILE_DRAG = "application/x-fengsui-tile";

/** Below this width a picture beside the panel is too small to steer by. */
const NARROW_PX = 380;

export interface TileOptions {
  api: Api;
  mayOperate: boolean;
  number: number;
  onFocus: (tile: Tile) => void;
  onMaximise: (tile: Tile) => void;
  onInfo: (channel: Channel) => void;
  onDrop: (tile: Tile, code: string) => void;
  onSwap: (tile: Tile, from: number) => void;
  onClose: (tile: Tile) => void;
  onReplay: (tile: Tile) => void;
}

export class Tile {
  readonly element: HTMLElement;
  channel: Channel | null = null;
  /** Called when the tile shows something else than the replay it was told to. */
  onReplayOver: () => void = () => undefined;
  /** Called when a person wants a replay once more that came to nothing. */
  onReplayRetry: () => void = () => undefined;
  private player: LivePlayer | FilePlayer | null = null;
  private isReplay = false;
  private isPoor = false;
  private readonly stage = h("div", { class: "tile-stage" });
  private readonly veil = h("div", { class: "tile-veil", "aria-live": "polite" });
  private readonly strip = h("div", { class: "tile-strip" });
  private readonly facts = h("span", { class: "tile-facts quiet" });
  private showsBoxes = true;
  private alarm: Alarm | null = null;
  private talk: TalkControl | null = null;
  private sound: LiveSound | null = null;
  private ptz: PtzPanel | null = null;

  constructor(private readonly options: TileOptions) {
    this.element = h("section", {
      class: "tile", tabindex: "0", "data-tile": options.number, "data-state": "idle",
      onfocusin: () => options.onFocus(this),
      ondblclick: (event: MouseEvent) => {
        if (!(event.target as Element).closest("button, .ptz-panel")) options.onMaximise(this);
      },
      ondragover: (event: DragEvent) => this.onDragOver(event),
      ondragleave: () => this.element.classList.remove("tile-target"),
      ondrop: (event: DragEvent) => this.onDrop(event),
      ondragstart: (event: DragEvent) => this.onDragStart(event),
    }, h("div", { class: "tile-picture" }, this.stage, this.veil), this.strip);
    this.render();
  }

  /** Show this channel; asking again for the same one changes nothing. */
  open(channel: Channel): void {
    if (this.channel?.code === channel.code) return;
    this.close();
    this.channel = channel;
    this.element.draggable = true;
    this.sound = new LiveSound(channel.code, (samples) => {
      this.element.dataset["heard"] = String(Number(this.element.dataset["heard"] ?? 0) + samples);
    });
    if (document.body.dataset["role"] !== "viewer") this.talk = new TalkControl(this.options.api, channel.code);
    this.showLive(channel);
  }

  private showLive(channel: Channel): void {
    const player = this.livePlayer(channel);
    player.showsBoxes = this.showsBoxes;
    if (channel.online) player.open();
    else player.showOffline(channel.state_since ?? channel.missing_since, channel.cause);
    this.render();
  }

  /** A player on a fresh stage: of the live picture, or of a playback. */
  private livePlayer(channel: Channel, replay?: ReplayOptions): LivePlayer {
    const [video, overlay] = this.setStage(channel);
    const player = new LivePlayer({
      code: channel.code, video, overlay, ...(replay === undefined ? {} : { replay }),
      diagnose: (code) => diagnose(this.options.api, code),
      onChange: () => this.render(),
      onFrame: (which) => { this.element.dataset["frames"] = String(which.frames); },
    });
    this.player = player;
    return player;
  }

  private setStage(channel: Channel): [HTMLVideoElement, Overlay] {
    const before = this.player;
    this.player = null;
    before?.close();
    const video = h("video", { tabindex: "-1", "aria-label": channel.name });
    const overlay = new Overlay(video, boxWords);
    fill(this.stage, video, overlay.canvas);
    this.element.dataset["frames"] = "0";
    return [video, overlay];
  }

  // Replay

  /** A recording has no head that could be turned. */
  private enterReplay(): void {
    this.isReplay = true;
    if (this.ptz !== null) this.togglePtz();
  }

  /** Show a device's recording instead of the live picture. */
  replay(id: string, onEnded: () => void): void {
    if (this.channel === null) return;
    this.enterReplay();
    const player = this.livePlayer(this.channel, { id, onEnded });
    player.showsBoxes = false;
    player.open();
    this.holdReplay(false);
  }

  /** Show a recorded file of the platform instead. */
  playFile(url: string, offsetS: number, rate: number, onEnded: (isFault: boolean) => void): void {
    if (this.channel === null) return;
    this.enterReplay();
    const [video] = this.setStage(this.channel);
    const player = new FilePlayer({ video, onEnded, onChange: () => this.render(),
      onFrame: (which) => { this.element.dataset["frames"] = String(which.frames); } });
    this.player = player;
    player.play(url, offsetS, rate);
    this.holdReplay(false);
  }

  /** A held picture stands still and is no fault. */
  holdReplay(isHeld: boolean): void {
    if (!this.isReplay) return;
    const before = this.element.dataset["replay"];
    this.element.dataset["replay"] = isHeld ? "paused" : "playing";
    if (before === this.element.dataset["replay"]) return;
    if (this.player instanceof FilePlayer) this.player.hold(isHeld);
    else if (this.player !== null) this.player.isHeld = isHeld;
    this.render();
  }

  setReplaySpeed(speed: number): void {
    if (this.player instanceof FilePlayer) this.player.setRate(speed);
    else if (this.isReplay) this.player?.expectRate(speed);
  }

  get replayDelayS(): number | null {
    return this.player?.delayS ?? null;
  }

  get filePositionS(): number {
    return this.player instanceof FilePlayer ? this.player.positionS : 0;
  }

  /** Back to the live picture. */
  endReplay(): void {
    if (!this.isReplay) return;
    this.isReplay = false;
    delete this.element.dataset["replay"];
    if (this.channel !== null) this.showLive(this.channel);
  }

  close(): void {
    const player = this.player;
    if (this.ptz !== null) this.togglePtz();
    this.player = null;
    this.channel = null;
    if (this.isReplay) this.onReplayOver();
    this.isReplay = this.isPoor = false;
    delete this.element.dataset["replay"];
    this.alarm = null;
    player?.close();
    this.talk?.close();
    this.talk = null;
    this.sound?.close();
    this.sound = null;
    delete this.element.dataset["heard"];
    this.element.draggable = false;
    this.stage.replaceChildren();
    this.render();
  }

  /** The channel came on or went off. */
  takeStatus(status: ChannelStatus, at: string): void {
    if (this.channel?.code !== status.code || this.player === null) return;
    if (this.isReplay) {
      this.channel = { ...this.channel, online: status.online, cause: status.cause };
      return;
    }
    const wasOnline = this.channel.online;
    this.channel = { ...this.channel, online: status.online, cause: status.cause,
      state_since: wasOnline === status.online ? this.channel.state_since : at,
      recording: status.recording ?? this.channel.recording };
    const state = this.player.state.name;
    if (status.online && (state === "offline" || state === "failed")) this.player.open();
    if (!status.online && state !== "live" && state !== "offline") {
      this.player.showOffline(this.channel.state_since, status.cause);
    }
    this.renderStrip();
  }

  /** The stream doctor finds that a running picture suffers, or no longer. */
  takeLive({ code, state, verdict }: LiveStatus): void {
    if (this.channel?.code !== code || this.isPoor === (state === "live" && !!verdict)) return;
    this.isPoor = !this.isPoor;
    this.renderStrip();
  }

  private readonly showWhy = (): void => {
    if (this.channel !== null) openDoctor(this.options.api, this.channel.code, this.channel.name);
  };

  takeDetections(sample: Detections): void {
    if (this.channel?.code === sample.channel && !this.isReplay) this.player?.addDetections(sample);
  }

  /** Mark the tile with an unacknowledged alarm, or take the mark away. */
  showAlarm(alarm: Alarm | null): void {
    if (String(alarm?.id) === String(this.alarm?.id)) return;
    this.alarm = alarm;
    this.element.classList.remove("tile-alarm");
    if (alarm === null) {
      delete this.element.dataset["alarmLevel"];
    } else {
      this.element.dataset["alarmLevel"] = String(alarm.level);
      // Reading the layout restarts the two pulses for a new alarm.
      void this.element.offsetWidth;
      this.element.classList.add("tile-alarm");
    }
    this.renderStrip();
  }

  setBoxes(shows: boolean): void {
    this.showsBoxes = shows;
    if (this.player !== null) this.player.showsBoxes = shows;
  }

  /** Once a second: lengths and delays move on. */
  tick(): void {
    if (this.player === null) return;
    const { state } = this.player;
    if (state.name !== "live" && state.name !== "idle") this.renderVeil();
    this.renderFacts();
  }

  /** Somebody steers a camera, or nobody does any more. */
  takeHolder(code: string, holder: string | null): void {
    if (this.channel?.code === code) this.ptz?.hearHolder(holder);
  }

  /** Steer the camera from this tile, or no longer. */
  togglePtz(): void {
    const video = this.stage.querySelector("video");
    if (this.ptz !== null) {
      this.ptz.close();
      this.ptz = null;
    } else if (this.channel !== null && video !== null && canTurn(this.channel)) {
      const { code, name } = this.channel;
      if (this.element.clientWidth < NARROW_PX) this.options.onMaximise(this);
      this.ptz = new PtzPanel({ api: this.options.api, code, name, video, tile: this.element });
      this.element.querySelector(".tile-picture")?.append(this.ptz.element);
    }
    // Dragging on the picture turns the camera then.
    this.element.draggable = this.channel !== null && this.ptz === null;
    this.renderStrip();
  }

  retry(): void {
    if (this.isReplay) this.onReplayRetry();
    else this.player?.open();
  }

  /** Addresses carry a token that expires, so one is asked for when it is wanted. */
  private async copyUrl(): Promise<void> {
    const code = this.channel?.code;
    if (code === undefined) return;
    await attempt(async () => {
      const { urls } = await this.options.api.liveStatus(code);
      const url = urls?.["http_flv"];
      if (url !== undefined) await copyText(new URL(url, location.href).href);
    });
  }

  private render(): void {
    const state = this.player?.state ?? { name: "idle" as const };
    this.element.dataset["state"] = state.name;
    const code = this.channel?.code;
    if (code === undefined) {
      delete this.element.dataset["code"];
      delete this.element.dataset["frames"];
      delete this.element.dataset["alarmLevel"];
      this.element.classList.remove("tile-alarm");
    } else {
      this.element.dataset["code"] = code;
    }
    this.element.setAttribute("aria-label", this.channel === null
      ? t("tile.label_empty", { number: this.options.number })
      : t("tile.label", { number: this.options.number, name: this.channel.name,
        state: t(`tile.state.${state.name}`) }));
    this.renderVeil();
    this.renderStrip();
  }

  private renderVeil(): void {
    const state = this.player?.state ?? { name: "idle" as const };
    this.veil.hidden = state.name === "live";
    if (state.name === "live") {
      this.veil.replaceChildren();
      return;
    }
    // A button under a finger must not be exchanged while it is pressed.
    if (this.veil.contains(document.activeElement) && this.veil.dataset["for"] === state.name) return;
    this.veil.dataset["for"] = state.name;
    fill(this.veil, veilContent(state, { retry: () => this.retry(), copyUrl: () => void this.copyUrl(), why: this.isReplay ? null : this.showWhy }));
  }

  private renderStrip(): void {
    const { channel, options } = this;
    fill(this.strip, ...stripContent({
      number: options.number, channel, state: this.player?.state.name ?? "idle", alarm: this.alarm, facts: this.facts,
      replay: !this.isReplay ? null : this.element.dataset["replay"] === "paused" ? "paused" : "playing",
    }), channel === null ? null : stripTools(channel, {
      talk: this.talk?.element ?? null, hasSound: this.isHeard, hasPtz: this.ptz !== null,
      mayOperate: options.mayOperate, isPoor: this.isPoor && !this.isReplay, onWhy: this.showWhy,
      onSound: () => this.toggleSound(), onReplay: () => options.onReplay(this), onPtz: () => this.togglePtz(),
      onInfo: () => options.onInfo(channel), onClose: () => options.onClose(this),
    }));
    this.renderFacts();
  }

  private get isHeard(): boolean {
    return this.sound?.isOn === true || (this.player instanceof LivePlayer && !this.player.isMuted);
  }

  private toggleSound(): void {
    const { player } = this;
    if (player instanceof LivePlayer && (soundWay(player.status) === "picture" || !player.isMuted)) {
      player.isMuted = !player.isMuted;
    } else if (this.sound?.isOn === true) this.sound.close();
    else void this.sound?.open();
    this.renderStrip();
  }

  private renderFacts(): void {
    const player = this.player;
    if (player === null || player.state.name !== "live") {
      this.facts.textContent = "";
      delete this.element.dataset["delayMs"];
      return;
    }
    const delay = player.delayS;
    const { codec, width, height } = player.status;
    this.facts.textContent = [codecName(codec), width && height ? `${width}×${height}` : ""].join(" ").trim();
    if (delay === null) return;
    this.element.dataset["delayMs"] = String(Math.round(delay * 1000));
    this.facts.title = t("tile.delay", { seconds: delay.toFixed(1) });
    this.strip.querySelector(".tile-state")?.setAttribute("title", this.facts.title);
  }

  private onDragStart(event: DragEvent): void {
    if (this.channel === null) return;
    event.dataTransfer?.setData(CHANNEL_DRAG, this.channel.code);
    event.dataTransfer?.setData(TILE_DRAG, String(this.options.number));
  }

  private onDragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes(CHANNEL_DRAG)) return;
    event.preventDefault();
    this.element.classList.add("tile-target");
  }

  private onDrop(event: DragEvent): void {
    event.preventDefault();
    this.element.classList.remove("tile-target");
    const from = event.dataTransfer?.getData(TILE_DRAG) ?? "";
    const code = event.dataTransfer?.getData(CHANNEL_DRAG) ?? "";
    if (from !== "") this.options.onSwap(this, Number(from));
    else if (code !== "") this.options.onDrop(this, code);
  }
}
