/** Plays recorded files of the platform in a tile, one after the other. */

import type { Detections, LiveStatus } from "../contract";
import { next, type TileEvent, type TileState } from "./tile_state";

export interface FilePlayerOptions {
  video: HTMLVideoElement;
  onChange: () => void;
  onFrame: (player: FilePlayer) => void;
  /** The file is over, or cannot be played. */
  onEnded: (isFault: boolean) => void;
}

export class FilePlayer {
  state: TileState = { name: "idle" };
  readonly status: Partial<LiveStatus> = {};
  readonly delayS = null;
  frames = 0;
  showsBoxes = false;
  private frameHandle = 0;
  private rate = 1;
  /** Where the file is to begin, as long as its head is not read. */
  private startS: number | null = null;

  constructor(private readonly options: FilePlayerOptions) {
    const { video } = options;
    video.muted = true;
    video.playsInline = true;
    video.addEventListener("ended", this.onEnd);
    video.addEventListener("error", this.onFault);
    this.watchFrames();
  }

  /** Play a file from this second of it on. */
  play(url: string, offsetS: number, rate: number): void {
    const { video } = this.options;
    this.apply({ type: "open" });
    this.rate = rate;
    this.startS = offsetS;
    video.src = `${url}#t=${offsetS.toFixed(3)}`;
    video.addEventListener("loadedmetadata", () => {
      if (offsetS > 0 && offsetS < video.duration) video.currentTime = offsetS;
      this.startS = null;
      video.playbackRate = this.rate;
    }, { once: true });
    void video.play().catch(() => undefined);
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.options.video.pause();
    else void this.options.video.play().catch(() => undefined);
  }

  setRate(rate: number): void {
    this.rate = rate;
    this.options.video.playbackRate = rate;
  }

  get positionS(): number { return this.startS ?? this.options.video.currentTime; }

  open(): void { this.hold(false); }
  addDetections(_: Detections): void { return; }
  showOffline(): void { return; }

  close(): void {
    const { video } = this.options;
    video.removeEventListener("ended", this.onEnd);
    video.removeEventListener("error", this.onFault);
    video.cancelVideoFrameCallback(this.frameHandle);
    video.removeAttribute("src");
    video.load();
    this.apply({ type: "close" });
  }

  private readonly onEnd = (): void => this.options.onEnded(false);
  private readonly onFault = (): void => this.options.onEnded(true);

  private apply(event: TileEvent): void {
    const before = this.state;
    this.state = next(before, event, Date.now());
    if (this.state.name !== before.name) this.options.onChange();
  }

  private watchFrames(): void {
    this.frameHandle = this.options.video.requestVideoFrameCallback(() => {
      this.frames += 1;
      this.apply({ type: "frame" });
      this.options.onFrame(this);
      this.watchFrames();
    });
  }
}
