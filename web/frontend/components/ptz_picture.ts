/** Steering on the picture itself: drag to turn, wheel to zoom, or draw a rectangle to zoom to. */

import type { Steering, ZoomFrame } from "../control_api";
import { h } from "../dom";
import { dragAxis } from "./ptz_drive";

const WHEEL_MS = 250;
const LEAST_PX = 12;

export interface PictureSteering {
  hold: (steering: Partial<Steering>) => void;
  release: () => void;
  zoomTo: (frame: ZoomFrame) => void;
}

interface Rect { left: number; top: number; width: number; height: number }

/** Where the video stands inside its element: it keeps its shape between two bars. */
export function pictureRect(box: Rect, video: { width: number; height: number }): Rect {
  const scale = Math.min(box.width / video.width, box.height / video.height);
  const width = video.width * scale;
  const height = video.height * scale;
  return { left: box.left + (box.width - width) / 2, top: box.top + (box.height - height) / 2, width, height };
}

/** A rectangle of the screen as pixels of the picture; null when it is too small to be meant. */
export function zoomFrame(
  from: { x: number; y: number }, to: { x: number; y: number }, rect: Rect,
  video: { width: number; height: number },
): ZoomFrame | null {
  if (Math.abs(to.x - from.x) < LEAST_PX || Math.abs(to.y - from.y) < LEAST_PX) return null;
  const inside = (value: number, size: number): number => Math.min(Math.max(value, 0), size);
  const across = [from.x, to.x].map((x) => inside((x - rect.left) / rect.width, 1) * video.width);
  const down = [from.y, to.y].map((y) => inside((y - rect.top) / rect.height, 1) * video.height);
  const [left, right] = [Math.min(...across), Math.max(...across)];
  const [top, bottom] = [Math.min(...down), Math.max(...down)];
  return {
    width: video.width, height: video.height,
    mid_x: Math.round((left + right) / 2), mid_y: Math.round((top + bottom) / 2),
    length_x: Math.max(1, Math.round(right - left)), length_y: Math.max(1, Math.round(bottom - top)),
    // Drawn to the left and upward, the picture shrinks into the rectangle.
    direction: to.x < from.x && to.y < from.y ? "out" : "in",
  };
}

export class PtzPicture {
  /** Draw rectangles instead of turning. */
  drawsRectangle = false;
  readonly element: HTMLElement;
  private readonly frame = h("div", { class: "ptz-frame", hidden: true });
  private start: { x: number; y: number } | null = null;
  private wheelTimer = 0;

  constructor(private readonly video: HTMLVideoElement, private readonly steering: PictureSteering) {
    this.element = h("div", { class: "ptz-picture", "data-ptz": "picture",
      onpointerdown: (event: PointerEvent) => this.onDown(event),
      onpointermove: (event: PointerEvent) => this.onMove(event),
      onpointerup: (event: PointerEvent) => this.onUp(event),
      onpointercancel: () => this.end(),
      onlostpointercapture: () => this.end(),
      onwheel: (event: WheelEvent) => this.onWheel(event) }, this.frame);
  }

  close(): void {
    window.clearTimeout(this.wheelTimer);
    this.end();
    this.element.remove();
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.element.setPointerCapture(event.pointerId);
    this.start = { x: event.clientX, y: event.clientY };
  }

  private onMove(event: PointerEvent): void {
    if (this.start === null) return;
    if (this.drawsRectangle) {
      this.drawFrame(event);
      return;
    }
    const { width, height } = this.element.getBoundingClientRect();
    this.steering.hold({
      pan: dragAxis(event.clientX - this.start.x, width / 3),
      tilt: dragAxis(this.start.y - event.clientY, height / 3),
    });
  }

  private onUp(event: PointerEvent): void {
    const start = this.start;
    if (start !== null && this.drawsRectangle) {
      const video = { width: this.video.videoWidth || 1920, height: this.video.videoHeight || 1080 };
      const rect = pictureRect(this.video.getBoundingClientRect(), video);
      const wanted = zoomFrame(start, { x: event.clientX, y: event.clientY }, rect, video);
      if (wanted !== null) this.steering.zoomTo(wanted);
    }
    this.end();
  }

  private end(): void {
    if (this.start === null) return;
    this.start = null;
    this.frame.hidden = true;
    if (!this.drawsRectangle) this.steering.release();
  }

  private onWheel(event: WheelEvent): void {
    if (event.deltaY === 0) return;
    event.preventDefault();
    this.steering.hold({ zoom: event.deltaY < 0 ? 0.5 : -0.5 });
    window.clearTimeout(this.wheelTimer);
    this.wheelTimer = window.setTimeout(() => this.steering.release(), WHEEL_MS);
  }

  private drawFrame(event: PointerEvent): void {
    if (this.start === null) return;
    const box = this.element.getBoundingClientRect();
    const { style } = this.frame;
    style.left = `${Math.min(this.start.x, event.clientX) - box.left}px`;
    style.top = `${Math.min(this.start.y, event.clientY) - box.top}px`;
    style.width = `${Math.abs(event.clientX - this.start.x)}px`;
    style.height = `${Math.abs(event.clientY - this.start.y)}px`;
    this.frame.hidden = false;
  }
}
