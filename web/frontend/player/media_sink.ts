/** One MediaSource with one SourceBuffer: takes boxes in order, keeps memory bounded, reports faults. */

import type { TimeRange } from "./live_edge";

const MOST_QUEUED_BYTES = 24 * 1024 * 1024;

export type SinkFault = "append" | "overflow" | "closed" | "unsupported";

export class MediaSink {
  private readonly source = new MediaSource();
  private readonly url: string;
  private readonly queue: Uint8Array<ArrayBuffer>[] = [];
  private queuedBytes = 0;
  private pendingTrim: TimeRange | null = null;
  private buffer: SourceBuffer | null = null;
  private isDisposed = false;

  constructor(
    private readonly video: HTMLVideoElement,
    mime: string,
    private readonly onFault: (fault: SinkFault) => void,
  ) {
    this.url = URL.createObjectURL(this.source);
    this.source.addEventListener("sourceopen", () => this.attach(mime), { once: true });
    video.src = this.url;
  }

  /** Queue boxes for decoding. */
  append(data: ArrayBuffer): void {
    this.queue.push(new Uint8Array(data));
    this.queuedBytes += data.byteLength;
    if (this.queuedBytes > MOST_QUEUED_BYTES) this.fault("overflow");
    else this.pump();
  }

  /** Forget a played span as soon as the buffer is free. */
  trim(range: TimeRange): void {
    this.pendingTrim = range;
    this.pump();
  }

  ranges(): TimeRange[] {
    if (this.buffer === null || this.source.readyState !== "open") return [];
    const buffered = this.buffer.buffered;
    return Array.from({ length: buffered.length }, (_, index) => (
      { start: buffered.start(index), end: buffered.end(index) }
    ));
  }

  dispose(): void {
    this.isDisposed = true;
    this.queue.length = 0;
    if (this.video.src === this.url) {
      this.video.removeAttribute("src");
      this.video.load();
    }
    URL.revokeObjectURL(this.url);
  }

  private attach(mime: string): void {
    if (this.isDisposed) return;
    if (!MediaSource.isTypeSupported(mime)) {
      this.fault("unsupported");
      return;
    }
    const buffer = this.source.addSourceBuffer(mime);
    buffer.mode = "segments";
    buffer.addEventListener("updateend", () => this.pump());
    buffer.addEventListener("error", () => this.fault("append"));
    this.buffer = buffer;
    this.pump();
  }

  private pump(): void {
    const buffer = this.buffer;
    if (this.isDisposed || buffer === null || buffer.updating) return;
    if (this.source.readyState !== "open") {
      this.fault("closed");
      return;
    }
    if (this.pendingTrim !== null) {
      const { start, end } = this.pendingTrim;
      this.pendingTrim = null;
      buffer.remove(start, end);
      return;
    }
    this.appendNext(buffer);
  }

  private appendNext(buffer: SourceBuffer): void {
    const data = this.queue.shift();
    if (data === undefined) return;
    this.queuedBytes -= data.byteLength;
    try {
      buffer.appendBuffer(data);
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this.recover(buffer, data, error);
    }
  }

  /** Full: give up what was played and try again. Anything else ends this sink. */
  private recover(buffer: SourceBuffer, data: Uint8Array<ArrayBuffer>, error: DOMException): void {
    const played = this.video.currentTime - 1;
    const first = this.ranges()[0];
    if (error.name === "QuotaExceededError" && first !== undefined && played > first.start) {
      this.queue.unshift(data);
      this.queuedBytes += data.byteLength;
      buffer.remove(first.start, played);
      return;
    }
    this.fault("append");
  }

  private fault(fault: SinkFault): void {
    if (this.isDisposed) return;
    this.dispose();
    this.onFault(fault);
  }
}
