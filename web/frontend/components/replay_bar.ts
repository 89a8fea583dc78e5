/**
 * Replay in a tile: the day's recordings of its channel, on the device and here, and what is done
 * with them. One bar below the wall; it belongs to one tile at a time.
 */

import { Problem, type Api } from "../api";
import { formatTime, serverNow, startOfDay } from "../clock";
import type { Playback, RecordingSearch, Segment } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t } from "../i18n";
import { DownloadList } from "./download_list";
import { joined, searchWords } from "./replay_words";
import type { Tile } from "./tile";
import { Timeline } from "./timeline";
import {
  fileAt, neighbourFile, stretchAt, stretchesOf, unbroken, type Source, type Stretch,
} from "./timeline_model";
import { attempt, problemText, toast } from "./toast";

const DAY_MS = 86_400_000;
const LOOK_MS = 500;
const SEARCH_AGAIN_MS = 400;
const STEP_BACK_MS = 30_000;
const SPEEDS = [-1, 0.25, 0.5, 1, 2, 4] as const;
const FRACTIONS: Record<string, string> = { "0.25": "1/4×", "0.5": "1/2×" };

interface Show {
  source: Source;
  /** Of the device; null while it is asked for, and for files of our own. */
  id: string | null;
  /** What our own file shows. */
  file: Segment | null;
}

export class ReplayBar {
  readonly element = h("section", { class: "replay", hidden: true, "aria-label": t("replay.title") });
  private readonly timeline = new Timeline({ onSeek: (at, source) => void this.seek(at, source) });
  private readonly downloads: DownloadList;
  private readonly name = h("span", { class: "replay-name" });
  private readonly words = h("span", { class: "replay-words quiet", role: "status" });
  private readonly time = h("span", { class: "replay-time", "data-role": "position" }, "—");
  private readonly date = h("input", { type: "date", "aria-label": t("replay.date") });
  private readonly hold = iconButton("pause", t("replay.pause"), () => void this.togglePause(),
    { "data-action": "hold" });
  private readonly speeds = h("div", { class: "segmented", role: "group", "aria-label": t("replay.speed") });
  private tile: Tile | null = null;
  private day = 0;
  private stretches: Stretch[] = [];
  private show: Show | null = null;
  private at: number | null = null;
  private speed = 1;
  private isHeld = false;
  private canReverse = true;
  /** Each wish outdates what an earlier one still waits for. */
  private wish = 0;

  constructor(private readonly api: Api) {
    this.downloads = new DownloadList(api);
    this.date.addEventListener("change", () => void this.openDay(
      Date.parse(`${this.date.value}T00:00:00+08:00`)));
    fill(this.element,
      h("div", { class: "replay-head" }, this.name,
        iconButton("previous", t("replay.day_before"), () => void this.openDay(this.day - DAY_MS)),
        this.date,
        iconButton("next", t("replay.day_after"), () => void this.openDay(this.day + DAY_MS)),
        this.words,
        iconButton("refresh", t("replay.refresh"), () => void this.openDay(this.day), { "data-action": "search" }),
        iconButton("close", t("replay.close"), () => this.close(), { "data-action": "close-replay" })),
      this.timeline.element,
      h("div", { class: "replay-controls" },
        iconButton("previous", t("replay.file_before"), () => this.stepFile(-1), { "data-action": "file-before" }),
        this.hold,
        iconButton("next", t("replay.file_after"), () => this.stepFile(1), { "data-action": "file-after" }),
        iconButton("back30", t("replay.back"), () => void this.jump(-STEP_BACK_MS), { "data-action": "back" }),
        this.time, this.speeds,
        h("button", { type: "button", class: "button button-small", "data-action": "download",
          onclick: () => void this.askDownload() }, icon("download"), t("replay.download")),
        h("button", { type: "button", class: "button button-small", "data-action": "to-live",
          onclick: () => this.close() }, icon("live"), t("replay.live"))),
      this.downloads.element);
    window.setInterval(() => void this.look(), LOOK_MS);
    this.renderControls();
  }

  /** Open the bar for a tile; the live picture goes on until a time is chosen. */
  async open(tile: Tile): Promise<void> {
    const channel = tile.channel;
    if (channel === null) return;
    if (this.tile !== tile) this.close();
    this.tile = tile;
    tile.onReplayOver = () => this.forget();
    tile.onReplayRetry = () => void this.seek(this.at ?? this.day, this.show?.source ?? "device");
    this.element.hidden = false;
    this.element.dataset["code"] = channel.code;
    this.name.textContent = channel.name;
    void this.downloads.show(channel.code);
    await this.openDay(startOfDay(serverNow()));
  }

  /** Look at what was to be seen half a minute ago. */
  async openBack(tile: Tile): Promise<void> {
    await this.open(tile);
    await this.seek(serverNow() - STEP_BACK_MS, this.sourceAt(serverNow() - STEP_BACK_MS));
  }

  /** Back to the live picture. */
  close(): void {
    const { tile } = this;
    this.forget();
    tile?.endReplay();
  }

  /** The tile shows something else. */
  private forget(): void {
    this.wish += 1;
    this.endPlayback();
    this.downloads.hide();
    this.tile = null;
    this.at = null;
    this.speed = 1;
    this.isHeld = false;
    this.canReverse = true;
    this.stretches = [];
    this.element.hidden = true;
    delete this.element.dataset["code"];
  }

  private endPlayback(): void {
    const id = this.show?.id ?? null;
    this.show = null;
    // It would end by itself soon; what is said about it changes nothing for the person.
    if (id !== null) void this.api.endPlayback(id).catch(ignoreProblem);
  }

  // Searching

  private async openDay(day: number): Promise<void> {
    const code = this.tile?.channel?.code;
    if (code === undefined || !Number.isFinite(day)) return;
    this.day = day;
    this.date.value = formatTime(day).slice(0, 10);
    this.stretches = [];
    this.timeline.show(day, []);
    const end = Math.min(day + DAY_MS, Math.floor(serverNow() / 1000) * 1000);
    if (end <= day) {
      this.say(t("replay.future"));
      return;
    }
    this.say(t("replay.searching"));
    await attempt(async () => { await this.search(code, day, end); });
  }

  private async search(code: string, day: number, end: number): Promise<void> {
    for (;;) {
      const list = await this.api.recordings(code, iso(day), iso(end));
      if (this.tile?.channel?.code !== code || this.day !== day) return;
      this.stretches = stretchesOf(list.items);
      this.timeline.show(day, this.stretches);
      this.timeline.place(this.at);
      this.tellSearch(list.search, list.items.length);
      if (list.search?.state !== "searching") return;
      await new Promise((resolve) => window.setTimeout(resolve, SEARCH_AGAIN_MS));
    }
  }

  private tellSearch(search: RecordingSearch | null, count: number): void {
    this.element.dataset["search"] = search?.state ?? "complete";
    const { text, tone } = searchWords(search, this.stretches, count);
    this.say(text, tone);
  }

  private say(text: string, tone = ""): void {
    this.words.textContent = text;
    this.words.title = text;
    this.words.dataset["tone"] = tone;
  }

  // Playing

  private sourceAt(at: number): Source {
    return fileAt(this.stretches, at, "device") !== null || fileAt(this.stretches, at, "local") === null
      ? "device" : "local";
  }

  /** Go to a moment; where nothing was recorded, to the next moment that was. */
  private async seek(wanted: number, source: Source): Promise<void> {
    const stretch = stretchAt(this.stretches, wanted, source);
    if (this.tile === null) return;
    if (stretch === null) {
      toast(t("replay.nothing_there"), "bad");
      return;
    }
    const at = Math.max(wanted, stretch.start);
    this.at = at;
    this.timeline.place(at);
    const wish = ++this.wish;
    if (source === "local") this.playFile(at);
    else await this.playDevice(at, wish);
    this.renderControls();
  }

  private async playDevice(at: number, wish: number): Promise<void> {
    const tile = this.tile;
    const code = tile?.channel?.code;
    const end = unbroken(this.stretches, at, "device");
    if (tile === null || tile === undefined || code === undefined || end === null) return;
    const id = this.show?.id ?? null;
    if (id !== null && await this.change(id, { position: iso(at) }, true)) return;
    if (wish !== this.wish) return;
    this.endPlayback();
    this.show = { source: "device", id: null, file: null };
    this.isHeld = false;
    await attempt(async () => {
      const playback = await this.api.play(code, iso(at), iso(end), this.speed);
      if (wish !== this.wish || this.tile !== tile) {
        await this.api.endPlayback(playback.id);
        return;
      }
      this.show = { source: "device", id: playback.id, file: null };
      tile.replay(playback.id, () => void this.onEnded(playback.id));
      tile.setReplaySpeed(this.speed);
    });
  }

  private playFile(at: number): void {
    const file = fileAt(this.stretches, at, "local");
    const { tile } = this;
    if (file === null || tile === null) return;
    this.endPlayback();
    this.show = { source: "local", id: null, file };
    this.isHeld = false;
    if (this.speed < 0) this.speed = 1;
    tile.playFile(`/api/v1/recordings/${file.id}/file`, (at - Date.parse(file.start)) / 1000, this.speed,
      (isFault) => this.onFileEnded(file, isFault));
  }

  private onFileEnded(file: Segment, isFault: boolean): void {
    if (this.show?.file !== file) return;
    const following = neighbourFile(this.stretches, Date.parse(file.start), "local", 1);
    if (isFault) toast(t("segment.unplayable", { codec: file.codec ?? "" }), "bad");
    else if (following !== null) void this.seek(Date.parse(following.start), "local");
  }

  /** The device's recording is over: say why, and go on with the next one if it ended well. */
  private async onEnded(id: string): Promise<void> {
    if (this.show?.id !== id) return;
    let playback: Playback;
    try {
      playback = await this.api.playback(id);
    } catch (error) {
      ignoreProblem(error);
      return;
    }
    if (this.show?.id !== id) return;
    if (playback.state === "failed") {
      this.say(joined(playback.title, playback.hint), "bad");
      return;
    }
    this.show = { source: "device", id: null, file: null };
    const following = stretchAt(this.stretches, Date.parse(playback.end) + 1, "device");
    if (playback.reason === "finished" && this.speed > 0 && following !== null) {
      await this.seek(following.start, "device");
    } else {
      this.say(t("replay.over"));
      this.isHeld = true;
      this.tile?.holdReplay(true);
      this.renderControls();
    }
  }

  /** Tell the device; false where the playback is over and another one is needed. */
  private async change(
    id: string, change: { position?: string; speed?: number; paused?: boolean }, isQuiet = false,
  ): Promise<boolean> {
    try {
      const playback = await this.api.changePlayback(id, change);
      this.take(playback);
      return true;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === "reverse_refused") this.canReverse = false;
      if (!isQuiet) toast(problemText(error), "bad");
      this.renderControls();
      return false;
    }
  }

  private take(playback: Playback): void {
    if (this.show?.id !== playback.id) return;
    if (this.speed !== playback.speed) this.tile?.setReplaySpeed(playback.speed);
    this.speed = playback.speed;
    this.canReverse = playback.can_reverse ?? this.canReverse;
    if (playback.state === "playing" || playback.state === "paused") this.isHeld = playback.paused;
    this.tile?.holdReplay(this.isHeld);
    const delayMs = (this.tile?.replayDelayS ?? 0) * 1000;
    this.at = Date.parse(playback.position) - (this.speed < 0 ? -delayMs : delayMs);
    this.renderControls();
  }

  private async look(): Promise<void> {
    const { show } = this;
    if (show?.id !== null && show !== null) {
      try {
        this.take(await this.api.playback(show.id));
      } catch (error) {
        ignoreProblem(error);
      }
    } else if (show?.file !== null && show !== null) {
      this.at = Date.parse(show.file.start) + (this.tile?.filePositionS ?? 0) * 1000;
      this.renderControls();
    }
  }

  private async togglePause(): Promise<void> {
    const { show } = this;
    if (show === null) {
      await this.seek(this.at ?? this.stretches[0]?.start ?? this.day, this.stretches[0]?.source ?? "device");
    } else if (show.id !== null) {
      await this.change(show.id, { paused: !this.isHeld });
    } else if (show.file !== null) {
      this.isHeld = !this.isHeld;
      this.tile?.holdReplay(this.isHeld);
      this.renderControls();
    } else if (this.at !== null) {
      await this.seek(this.at, "device");
    }
  }

  private async setSpeed(speed: number): Promise<void> {
    const { show } = this;
    if (show?.id !== undefined && show.id !== null) {
      await this.change(show.id, { speed });
      return;
    }
    this.speed = show?.source === "local" ? Math.abs(speed) : speed;
    this.tile?.setReplaySpeed(this.speed);
    this.renderControls();
  }

  private stepFile(step: 1 | -1): void {
    const source = this.show?.source ?? "device";
    const file = neighbourFile(this.stretches, this.at ?? this.day, source, step);
    if (file === null) toast(t("replay.nothing_there"), "bad");
    else void this.seek(Date.parse(file.start), source);
  }

  private async jump(ms: number): Promise<void> {
    const at = (this.at ?? serverNow()) + ms;
    await this.seek(at, this.show?.source ?? this.sourceAt(at));
  }

  private async askDownload(): Promise<void> {
    const code = this.tile?.channel?.code;
    const stretch = stretchAt(this.stretches, this.at ?? this.day, "device");
    if (code === undefined) return;
    if (stretch === null) {
      toast(t("replay.none"), "bad");
      return;
    }
    const start = Math.max(stretch.start, this.at ?? stretch.start);
    await this.downloads.ask(code, start, Math.min(stretch.end, start + 5 * 60_000));
  }

  private renderControls(): void {
    const isRunning = this.show !== null && !this.isHeld;
    fill(this.hold, icon(isRunning ? "pause" : "play"));
    const label = t(isRunning ? "replay.pause" : "replay.resume");
    this.hold.title = label;
    this.hold.setAttribute("aria-label", label);
    this.element.dataset["held"] = String(this.isHeld);
    this.element.dataset["speed"] = String(this.speed);
    this.time.textContent = this.at === null ? "—" : formatTime(this.at);
    this.time.dataset["at"] = this.at === null ? "" : String(Math.round(this.at));
    this.timeline.place(this.at);
    if (this.speeds.contains(document.activeElement) && this.speeds.childElementCount > 0) {
      for (const button of this.speeds.querySelectorAll("button")) {
        button.setAttribute("aria-pressed", String(Number(button.dataset["speed"]) === this.speed));
      }
      return;
    }
    const isLocal = this.show?.source === "local";
    fill(this.speeds, ...SPEEDS.map((speed) => h("button", {
      type: "button", "data-speed": speed, "aria-pressed": String(speed === this.speed),
      disabled: speed < 0 && (isLocal || !this.canReverse),
      title: speed < 0 ? t("replay.reverse") : t("replay.speed_n", { speed }),
      onclick: () => void this.setSpeed(speed),
    }, speed < 0 ? t("replay.reverse_short") : FRACTIONS[String(speed)] ?? `${speed}×`)));
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** What the server says of a playback that is gone is no news. */
function ignoreProblem(error: unknown): void {
  if (!(error instanceof Problem)) throw error;
}
