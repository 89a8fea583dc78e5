/** A polygon being drawn: corners added, moved and removed, by pointer or keys. Pure of DOM. */

import type { Point } from "../contract";

export const GRAB = 0.025;
const STEP = 0.01;

export interface PolygonState {
  points: readonly Point[];
  selected: number | null;
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** The corner within reach of a place, or null. `aspect` is width over height of the picture. */
export function cornerAt(points: readonly Point[], [x, y]: Point, aspect: number): number | null {
  const distance = ([px, py]: Point): number => Math.hypot(px - x, (py - y) / aspect);
  let best: number | null = null;
  points.forEach((point, index) => {
    const isNearer = best === null || distance(point) < distance(points[best] as Point);
    if (distance(point) < GRAB && isNearer) best = index;
  });
  return best;
}

/** Add a corner on the edge it lies nearest to, so that clicking a side bends it. */
export function addCorner(state: PolygonState, point: Point): PolygonState {
  const { points } = state;
  if (points.length < 3) return { points: [...points, point], selected: points.length };
  let at = points.length;
  let nearest = Number.POSITIVE_INFINITY;
  points.forEach((start, index) => {
    const end = points[(index + 1) % points.length] as Point;
    const distance = distanceToEdge(point, start, end);
    if (distance < nearest) {
      nearest = distance;
      at = index + 1;
    }
  });
  return { points: points.toSpliced(at, 0, point), selected: at };
}

export function moveCorner(state: PolygonState, index: number, [x, y]: Point): PolygonState {
  return { points: state.points.with(index, [clamp(x), clamp(y)]), selected: index };
}

export function removeSelected(state: PolygonState): PolygonState {
  const index = state.selected ?? state.points.length - 1;
  if (index < 0) return state;
  const points = state.points.toSpliced(index, 1);
  return { points, selected: points.length === 0 ? null : Math.min(index, points.length - 1) };
}

/** Arrow keys move the chosen corner, Tab goes to the next one, Delete removes it. */
export function onKey(state: PolygonState, key: string): PolygonState | null {
  const moves: Record<string, Point> = {
    ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
  };
  const move = moves[key];
  const corner = state.selected === null ? undefined : state.points[state.selected];
  if (move !== undefined && corner !== undefined && state.selected !== null) {
    return moveCorner(state, state.selected, [corner[0] + move[0], corner[1] + move[1]]);
  }
  if (key === "Delete" || key === "Backspace") return removeSelected(state);
  if (key === " " && state.points.length > 0) {
    return { ...state, selected: ((state.selected ?? -1) + 1) % state.points.length };
  }
  return null;
}

/** Whether the region can be used: nothing (the whole picture) or an area. */
export function isUsable(points: readonly Point[]): boolean {
  return points.length === 0 || (points.length >= 3 && area(points) > 0.0005);
}

function area(points: readonly Point[]): number {
  const twice = points.reduce((sum, [x, y], index) => {
    const [nx, ny] = points[(index + 1) % points.length] as Point;
    return sum + x * ny - nx * y;
  }, 0);
  return Math.abs(twice) / 2;
}

function distanceToEdge([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const share = length === 0 ? 0 : clamp(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length);
  return Math.hypot(ax + share * (bx - ax) - x, ay + share * (by - ay) - y);
}
