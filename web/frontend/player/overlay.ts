/** The canvas above a video: region outline and detection boxes of the frame on screen. */

import type { DetectionBox, Point } from "../contract";
import type { Drawing } from "./detection_timeline";
import { boxRect, containRect, labelPlace, type Rect } from "./geometry";

const NOTHING: Drawing = { samples: [], regions: [] };
const LINE = 1.5;
const BOX_COLOUR = "#7fd1ff";
const REGION_COLOUR = "#ffb454";
const LABEL_BACK = "rgba(13, 17, 22, 0.85)";
const LABEL_FONT = '12px "Noto Sans CJK SC", "Microsoft YaHei", "WenQuanYi Micro Hei", sans-serif';
const LABEL_HEIGHT = 16;
const LABEL_PADDING = 4;

export class Overlay {
  readonly canvas: HTMLCanvasElement;
  private shown = "";
  private size = "";

  constructor(private readonly video: HTMLVideoElement, private readonly words: (box: DetectionBox) => string) {
    this.canvas = document.createElement("canvas");
    this.canvas.className = "overlay";
    this.canvas.setAttribute("aria-hidden", "true");
  }

  /** Draw this (or nothing); does no work when the same is there already. */
  show({ samples, regions }: Drawing = NOTHING): void {
    const isResized = this.fit();
    const key = `${samples.map((sample) => sample.pts_ticks).join()}/${JSON.stringify(regions)}`;
    if (key === this.shown && !isResized) return;
    this.shown = key;
    this.canvas.dataset["boxes"] = String(samples.reduce((sum, sample) => sum + sample.boxes.length, 0));
    this.canvas.dataset["regions"] = String(regions.length);
    this.canvas.dataset["pts"] = samples.map((sample) => sample.pts_ticks).join();
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    context.lineWidth = LINE;
    const picture = this.picture(samples[0]?.width, samples[0]?.height);
    for (const region of regions) drawRegion(context, region, picture);
    for (const item of samples.flatMap((sample) => sample.boxes)) {
      this.drawBox(context, boxRect(item.box, picture), picture, this.words(item));
    }
  }

  /** The picture's rectangle inside the canvas, in CSS pixels. */
  picture(width = 0, height = 0): Rect {
    return containRect(
      this.canvas.clientWidth, this.canvas.clientHeight,
      this.video.videoWidth || width, this.video.videoHeight || height,
    );
  }

  private fit(): boolean {
    const width = Math.round(this.canvas.clientWidth * devicePixelRatio);
    const height = Math.round(this.canvas.clientHeight * devicePixelRatio);
    const size = `${width}x${height}x${this.video.videoWidth}x${this.video.videoHeight}`;
    if (size === this.size) return false;
    this.size = size;
    this.canvas.width = width;
    this.canvas.height = height;
    return true;
  }

  private drawBox(context: CanvasRenderingContext2D, box: Rect, picture: Rect, text: string): void {
    context.strokeStyle = BOX_COLOUR;
    context.strokeRect(box.x, box.y, box.width, box.height);
    context.font = LABEL_FONT;
    const label = {
      width: context.measureText(text).width + 2 * LABEL_PADDING, height: LABEL_HEIGHT + LINE,
    };
    const place = labelPlace(box, label, picture);
    context.fillStyle = LABEL_BACK;
    context.fillRect(place.x, place.y, label.width, LABEL_HEIGHT);
    context.fillStyle = BOX_COLOUR;
    context.textBaseline = "middle";
    context.fillText(text, place.x + LABEL_PADDING, place.y + LABEL_HEIGHT / 2 + 0.5);
  }
}

function drawRegion(context: CanvasRenderingContext2D, region: readonly Point[], picture: Rect): void {
  context.strokeStyle = REGION_COLOUR;
  context.setLineDash([6, 4]);
  context.beginPath();
  for (const [x, y] of region) {
    context.lineTo(picture.x + x * picture.width, picture.y + y * picture.height);
  }
  context.closePath();
  context.stroke();
  context.setLineDash([]);
}
