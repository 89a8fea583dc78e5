/**
 * One live picture: socket, decoder, state machine and overlay joined.
 *
 * What decides lives in `tile_state`, `live_edge` and `detection_timeline`; this class only carries
 * events between them and the browser.
 */

import { Backoff } from "../backoff";
import type { Detections, LiveStatus } from "../contract";
import { DetectionBoard } from "./detection_timeline";
import { LiveEdge } from "./live_edge";
import { LiveSocket } from "./live_socket";
import { MediaRate } from "./media_rate";
import { MediaSink } from "./media_sink";
import type { Overlay } from "./overlay";
import { failureOf, type LiveMessage } from "./protocol";
import { onStreamChoice, streamChoice } from "./stream_choice";
import { next, type Failure, type TileEvent, type TileState } from "./tile_state";

const TICK_MS = 250;
const STEADY_MS = 10_000;
/** A connection attempt that says nothing new for this long is given up and tried again. */
const CONNECT_LIMIT_MS = 25_000;

/** Why the server refused the WebSocket, as an event for the state machine. */
export type Diagnose = (code: string) => Promise<TileEvent>;

/** A recording instead of the live picture. */
export interface ReplayOptions {
  /** Of the playback. */
  id: string;
  onEnded: () => void;
}

export interface PlayerOptions {
  code: string;
  replay?: ReplayOptions;
  video: HTMLVideoElement;
  overlay: Overlay;
  diagnose: Diagnose;
  onChange: (player: LivePlayer) => void;
  onFrame?: (player: LivePlayer) => void;
}

export class LivePlayer {
  state: TileState = { name: "idle" };
  status: Partial<LiveStatus> = {};
  frames = 0;
  showsBoxes = true;
  /** A person holds the playback: a picture that stands still is no fault. */
  isHeld = false;
  private readonly detections = new DetectionBoard();
  private readonly backoff = new Backoff(1_000, 15_000);
  private readonly slowBackoff = new Backoff(5_000, 60_000);
  private edge = new LiveEdge();
  private readonly mediaRate = new MediaRate();
  private socket: LiveSocket | null = null;
  private sink: MediaSink | null = null;
  private retryTimer = 0;
  private readonly ticker: number;
  private frameHandle = 0;
  private heardAt = 0;
  private readonly forgetChoice: () => void;

  constructor(private readonly options: PlayerOptions) {
    const { video } = options;
    video.muted = true;
    video.playsInline = true;
    video.autoplay = true;
    video.disablePictureInPicture = true;
    video.addEventListener("waiting", this.onWaiting);
    this.ticker = window.setInterval(() => this.tick(), TICK_MS);
    this.watchFrames();
    this.forgetChoice = onStreamChoice(options.code, () => this.reopen());
  }

  /** Seconds between the picture on screen and the newest one received, or null. */
  get delayS(): number | null {
    const last = this.sink?.ranges().at(-1);
    if (last === undefined || this.state.name !== "live") return null;
    return Math.max(0, last.end - this.options.video.currentTime);
  }

  /** Whether the sound that comes with the picture is kept from the loudspeaker. */
  get isMuted(): boolean { return this.options.video.muted; }
  set isMuted(muted: boolean) { this.options.video.muted = muted; }

  /** Connect, or connect again at a person's wish. */
  open(): void {
    window.clearTimeout(this.retryTimer);
    this.hangUp();
    if (this.state.name !== "stalled") this.apply({ type: "open" });
    this.heardAt = Date.now();
    const { replay, code } = this.options;
    this.socket = new LiveSocket(replay === undefined ? code : `playbacks/${replay.id}`, {
      onMessage: (message) => { this.heardAt = Date.now(); this.onMessage(message); },
      onData: (data) => { this.heardAt = Date.now(); this.sink?.append(data); },
      onEnd: (isRefused) => void this.onEnd(isRefused),
    }, replay === undefined && streamChoice(code) === "sub" ? "?stream=sub" : "");
  }

  /** Another of the camera's pictures is wanted; one that is not being shown is asked for later. */
  private reopen(): void {
    if (this.options.replay !== undefined || this.socket === null) return;
    this.stop();
    this.apply({ type: "close" });
    this.open();
  }

  /** Show that the channel is known to be off, without asking it for a picture. */
  showOffline(since: string | null, cause: string | null): void {
    this.stop();
    this.apply({ type: "offline", since, cause });
  }

  /** The device agreed to another speed of its playback. */
  expectRate(rate: number): void {
    this.mediaRate.expect(rate);
  }

  /** What analysis saw is in the time of the main stream. */
  addDetections(sample: Detections): void {
    if (streamChoice(this.options.code) === "main") this.detections.add(sample, Date.now());
  }

  close(): void {
    this.stop();
    window.clearInterval(this.ticker);
    this.forgetChoice();
    this.options.video.removeEventListener("waiting", this.onWaiting);
    this.options.video.cancelVideoFrameCallback(this.frameHandle);
    this.apply({ type: "close" });
  }

  private stop(): void {
    window.clearTimeout(this.retryTimer);
    this.hangUp();
    this.dropPicture();
  }

  private dropPicture(): void {
    this.sink?.dispose();
    this.sink = null;
    this.detections.clear();
    this.options.overlay.show();
  }

  private hangUp(): void {
    this.socket?.close();
    this.socket = null;
  }

  private apply(event: TileEvent): void {
    const before = this.state;
    this.state = next(before, event, Date.now());
    if (this.state === before) return;
    const isQuiet = before.name === "live" && this.state.name === "live";
    if (!isQuiet) this.options.onChange(this);
  }

  private onMessage(message: LiveMessage): void {
    switch (message.type) {
      case "state":
        this.onStatus(message);
        break;
      case "init":
        this.onInit(message);
        break;
      case "ended":
        this.hangUp();
        this.apply({ type: "closed", reason: message.reason });
        if (this.options.replay !== undefined) this.options.replay.onEnded();
        else this.retryAfter(this.backoff.next());
        break;
    }
  }

  private onStatus(message: Extract<LiveMessage, { type: "state" }>): void {
    const { type: _, ...status } = message;
    this.status = { ...this.status, ...status };
    if (status.state === "failed") {
      this.dropPicture();
      this.apply({ type: "failed", ...failureOf(status) });
      return;
    }
    if (status.state === "stalled") this.apply({ type: "closed", reason: status.reason ?? null });
    // The server tries again by itself while somebody waits: follow it.
    if (this.state.name === "failed") this.apply({ type: "open" });
    this.apply({ type: "step", step: status.step ?? null, transport: status.transport ?? null });
    this.options.onChange(this);
  }

  private onInit(message: Extract<LiveMessage, { type: "init" }>): void {
    const { mime, codec, width, height } = message;
    this.status = { ...this.status, codec, width, height };
    if (!MediaSource.isTypeSupported(mime)) {
      this.stop();
      this.apply({ type: "unplayable", codec, mime });
      return;
    }
    // A new source starts its time line anew, so every init segment gets a buffer of its own.
    if (this.state.name === "live") this.apply({ type: "closed", reason: null });
    this.sink?.dispose();
    this.edge = new LiveEdge();
    this.detections.clear();
    this.sink = new MediaSink(this.options.video, mime, () => this.onSinkFault());
    this.apply({ type: "step", step: "first_picture" });
  }

  private onSinkFault(): void {
    this.sink = null;
    this.hangUp();
    this.apply({ type: "closed", reason: "decoder" });
    this.retryAfter(this.backoff.next());
  }

  private async onEnd(isRefused: boolean): Promise<void> {
    this.socket = null;
    if (this.options.replay !== undefined) {
      this.options.replay.onEnded();
      return;
    }
    if (!isRefused) {
      const isFailed = this.state.name === "failed";
      this.apply({ type: "closed", reason: "connection" });
      this.retryAfter((isFailed ? this.slowBackoff : this.backoff).next());
      return;
    }
    const verdict = await this.options.diagnose(this.options.code);
    if (this.socket !== null || this.state.name === "idle") return;
    if (verdict.type === "failed") {
      this.fail(verdict);
    } else if (verdict.type === "closed") {
      this.apply(verdict);
      this.retryAfter(this.backoff.next());
    } else {
      this.apply(verdict);
    }
  }

  /** A reason with a hint stays on screen; the next try is made quietly, ever more seldom. */
  private fail(failure: Failure): void {
    this.stop();
    const { step, reason, title, hint, detail } = failure;
    this.apply({ type: "failed", step, reason, title, hint, detail });
    this.retryAfter(this.slowBackoff.next());
  }

  private retryAfter(ms: number): void {
    window.clearTimeout(this.retryTimer);
    this.retryTimer = window.setTimeout(() => this.open(), ms);
  }

  private tick(): void {
    const isVisible = document.visibilityState === "visible";
    if (!this.isHeld) this.apply({ type: "tick", isVisible });
    this.giveUpSilentAttempt();
    if (this.sink === null) return;
    const ranges = this.sink.ranges();
    const { video } = this.options;
    this.edge.settle(TICK_MS / 1000);
    const newest = ranges.at(-1);
    if (this.options.replay !== undefined && newest !== undefined) {
      this.edge.setBase(this.mediaRate.note(newest.end, Date.now()));
    }
    this.steer(ranges);
    const played = this.edge.trim(ranges, video.currentTime);
    if (played !== null) this.sink.trim(played);
    if (video.paused && ranges.length > 0) void video.play().catch(ignoreInterruption);
    if (this.state.name === "live" && Date.now() - this.state.since > STEADY_MS) {
      this.backoff.reset();
      this.slowBackoff.reset();
    }
  }

  private steer(ranges: ReturnType<MediaSink["ranges"]>): void {
    const { video } = this.options;
    const action = this.edge.decide(ranges, video.currentTime);
    if (action.kind === "seek") video.currentTime = action.to;
    else if (action.kind === "rate") video.playbackRate = action.rate;
  }

  /** No picture and no word about it: nothing to wait for on this connection. */
  private giveUpSilentAttempt(): void {
    if (this.socket === null || this.isHeld || Date.now() - this.heardAt < CONNECT_LIMIT_MS) return;
    if (this.state.name === "stalled") {
      this.open();
    } else if (this.state.name === "connecting") {
      this.fail({ step: this.state.step, reason: "timeout", title: "", hint: "", detail: "" });
    }
  }

  private readonly onWaiting = (): void => {
    if (this.state.name === "live" && Date.now() - this.state.since > 1_000) this.edge.ranDry();
  };

  private watchFrames(): void {
    const { video, overlay } = this.options;
    this.frameHandle = video.requestVideoFrameCallback((_, metadata) => {
      this.frames += 1;
      this.apply({ type: "frame" });
      overlay.show(this.showsBoxes ? this.detections.at(metadata.mediaTime, Date.now()) : undefined);
      this.options.onFrame?.(this);
      this.watchFrames();
    });
  }
}

/** `play()` is interrupted whenever the source is exchanged; that is no fault. */
function ignoreInterruption(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  throw error;
}
