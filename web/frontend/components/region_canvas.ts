/** The canvas on which a region is drawn over the live picture. */

import type { Point } from "../contract";
import { t } from "../i18n";
import { toFraction, type Rect } from "../player/geometry";
import {
  addCorner, cornerAt, moveCorner, onKey, removeSelected, type PolygonState,
} from "./polygon";

const EDGE = "#ffb454";
const AREA = "rgba(255, 180, 84, 0.16)";
const HANDLE_PX = 5;

export class RegionCanvas {
  readonly canvas = document.createElement("canvas");
  private state: PolygonState;
  private dragged: number | null = null;

  constructor(
    points: readonly Point[],
    private readonly picture: () => Rect,
    private readonly onChange: (points: readonly Point[]) => void,
  ) {
    this.state = { points, selected: null };
    const { canvas } = this;
    canvas.className = "region-canvas";
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-label", t("scene.region_label"));
    canvas.addEventListener("pointerdown", (event) => this.onDown(event));
    canvas.addEventListener("pointermove", (event) => this.onMove(event));
    canvas.addEventListener("pointerup", () => { this.dragged = null; });
    canvas.addEventListener("contextmenu", (event) => this.onMenu(event));
    canvas.addEventListener("keydown", (event) => {
      const next = onKey(this.state, event.key);
      if (next === null) return;
      event.preventDefault();
      event.stopPropagation();
      this.set(next);
    });
  }

  clear(): void {
    this.set({ points: [], selected: null });
  }

  /** Draw at the element's present size. */
  draw(): void {
    const { canvas } = this;
    const width = Math.round(canvas.clientWidth * devicePixelRatio);
    const height = Math.round(canvas.clientHeight * devicePixelRatio);
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, canvas.clientWidth, canvas.clientHeight);
    canvas.dataset["corners"] = String(this.state.points.length);
    const picture = this.picture();
    const places = this.state.points.map(([x, y]): Point => (
      [picture.x + x * picture.width, picture.y + y * picture.height]
    ));
    drawArea(context, places);
    places.forEach((place, index) => drawHandle(context, place, index === this.state.selected));
  }

  private set(state: PolygonState): void {
    this.state = state;
    this.draw();
    this.onChange(state.points);
  }

  private place(event: MouseEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return toFraction(event.clientX - box.x, event.clientY - box.y, this.picture());
  }

  private corner(event: MouseEvent): number | null {
    const { width, height } = this.picture();
    return cornerAt(this.state.points, this.place(event), height === 0 ? 1 : width / height);
  }

  private onDown(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.canvas.focus();
    this.canvas.setPointerCapture(event.pointerId);
    const corner = this.corner(event);
    this.set(corner === null ? addCorner(this.state, this.place(event)) : { ...this.state, selected: corner });
    this.dragged = this.state.selected;
  }

  private onMove(event: PointerEvent): void {
    if (this.dragged !== null) this.set(moveCorner(this.state, this.dragged, this.place(event)));
  }

  private onMenu(event: MouseEvent): void {
    event.preventDefault();
    const corner = this.corner(event);
    if (corner !== null) this.set(removeSelected({ ...this.state, selected: corner }));
  }
}

function drawArea(context: CanvasRenderingContext2D, places: readonly Point[]): void {
  if (places.length < 2) return;
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = AREA;
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = EDGE;
  context.stroke();
}

function drawHandle(context: CanvasRenderingContext2D, [x, y]: Point, isSelected: boolean): void {
  context.beginPath();
  context.rect(x - HANDLE_PX, y - HANDLE_PX, 2 * HANDLE_PX, 2 * HANDLE_PX);
  context.fillStyle = isSelected ? EDGE : "#12161c";
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = EDGE;
  context.stroke();
}
