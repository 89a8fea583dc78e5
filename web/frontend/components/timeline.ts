/** The bar of a day: device and local recordings, the cursor; click or drag to go there, wheel to zoom. */

import { formatTime } from "../clock";
import { fill, h } from "../dom";
import { t, tServer } from "../i18n";
import {
  dayView, shareOf, ticksOf, timeAt, zoomed, type Source, type Stretch, type View,
} from "./timeline_model";

const LANES: readonly Source[] = ["device", "local"];

export interface TimelineOptions {
  onSeek: (at: number, source: Source) => void;
}

export class Timeline {
  readonly element: HTMLElement;
  private readonly lanes = new Map<Source, HTMLElement>();
  private readonly ticks = h("div", { class: "timeline-ticks", "aria-hidden": "true" });
  private readonly cursor = h("div", { class: "timeline-cursor", hidden: true });
  private readonly pointer = h("div", { class: "timeline-pointer", hidden: true });
  private readonly track: HTMLElement;
  private day: View = { from: 0, to: 86_400_000 };
  private view: View = this.day;
  private stretches: readonly Stretch[] = [];
  private at: number | null = null;
  private isDragging = false;

  constructor(private readonly options: TimelineOptions) {
    for (const source of LANES) {
      this.lanes.set(source, h("div", { class: `timeline-lane timeline-${source}`, "data-lane": source }));
    }
    this.track = h("div", { class: "timeline-track", role: "slider", tabindex: "0",
      "aria-label": t("replay.timeline"),
      onpointerdown: (event: PointerEvent) => this.onDown(event),
      onpointermove: (event: PointerEvent) => this.onMove(event),
      onpointerup: (event: PointerEvent) => this.onUp(event),
      onpointerleave: () => { if (!this.isDragging) this.pointer.hidden = true; },
      onwheel: (event: WheelEvent) => this.onWheel(event),
      onkeydown: (event: KeyboardEvent) => this.onKey(event),
    }, ...this.lanes.values(), this.cursor, this.pointer);
    const names = h("div", { class: "timeline-names" },
      ...LANES.map((source) => h("span", {}, t(`replay.source.${source}`))));
    this.element = h("div", { class: "timeline" }, names, this.track, this.ticks);
  }

  show(dayStart: number, stretches: readonly Stretch[]): void {
    if (dayStart !== this.day.from) {
      this.day = dayView(dayStart);
      this.view = this.day;
    }
    this.stretches = stretches;
    this.render();
  }

  /** Where the picture is; null: nowhere. */
  place(at: number | null): void {
    this.at = at;
    this.renderCursor();
  }

  private render(): void {
    for (const [source, lane] of this.lanes) {
      fill(lane, ...this.stretches.filter((each) => each.source === source).map((each) => this.block(each)));
    }
    fill(this.ticks, ...ticksOf(this.view).map((at) => {
      const mark = h("span", {}, formatTime(at).slice(11, 16));
      const share = shareOf(this.view, at);
      mark.style.left = `${share * 100}%`;
      if (share < 0.02 || share > 0.98) mark.dataset["edge"] = share < 0.5 ? "first" : "last";
      return mark;
    }));
    this.renderCursor();
  }

  private block(stretch: Stretch): HTMLElement {
    const from = Math.max(0, shareOf(this.view, stretch.start));
    const to = Math.min(1, shareOf(this.view, stretch.end));
    const block = h("div", { class: "timeline-block", "data-kind": stretch.kind, hidden: to <= from,
      title: [tServer("replay.kind", stretch.kind), `${formatTime(stretch.start).slice(11)} – ${
        formatTime(stretch.end).slice(11)}`].filter((part) => part !== "").join(" ") });
    block.style.left = `${from * 100}%`;
    block.style.width = `max(1px, ${(to - from) * 100}%)`;
    return block;
  }

  private renderCursor(): void {
    const share = this.at === null ? -1 : shareOf(this.view, this.at);
    this.cursor.hidden = share < 0 || share > 1;
    this.cursor.style.left = `${share * 100}%`;
    if (this.at !== null) this.track.setAttribute("aria-valuetext", formatTime(this.at));
  }

  private shareOfEvent(event: MouseEvent): number {
    const box = this.track.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  private showPointer(event: MouseEvent): void {
    const share = Math.min(1, Math.max(0, this.shareOfEvent(event)));
    this.pointer.hidden = false;
    this.pointer.style.left = `${share * 100}%`;
    this.pointer.textContent = formatTime(timeAt(this.view, share)).slice(11);
    this.pointer.classList.toggle("timeline-pointer-left", share > 0.9);
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.isDragging = true;
    this.track.setPointerCapture(event.pointerId);
    this.showPointer(event);
  }

  private onMove(event: PointerEvent): void {
    this.showPointer(event);
  }

  /** Only the end of a drag is a wish: a recorder takes a moment for each. */
  private onUp(event: PointerEvent): void {
    if (!this.isDragging) return;
    this.isDragging = false;
    const box = this.track.getBoundingClientRect();
    const isUpper = event.clientY < box.top + box.height / 2;
    this.options.onSeek(timeAt(this.view, this.shareOfEvent(event)), isUpper ? "device" : "local");
  }

  private onWheel(event: WheelEvent): void {
    event.preventDefault();
    const around = timeAt(this.view, this.shareOfEvent(event));
    this.view = zoomed(this.view, around, event.deltaY > 0 ? 1.4 : 0.7, this.day);
    this.render();
  }

  private onKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -10_000, ArrowRight: 10_000 }[event.key];
    if (step === undefined || this.at === null) return;
    event.preventDefault();
    event.stopPropagation();
    this.options.onSeek(this.at + step, "device");
  }
}
