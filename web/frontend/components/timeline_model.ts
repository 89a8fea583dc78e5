/** The timeline of recordings as numbers: what is where, what comes next, what a zoom shows. */

import type { Segment } from "../contract";

export type Source = "device" | "local";

/** A recorded stretch; neighbouring files of one place are one stretch. Milliseconds since 1970. */
export interface Stretch {
  source: Source;
  start: number;
  end: number;
  kind: string;
  files: Segment[];
}

export interface View {
  from: number;
  to: number;
}

const JOIN_MS = 2_000;
const DAY_MS = 86_400_000;
const LEAST_VIEW_MS = 5 * 60_000;

/** Files as stretches, oldest first; files of another kind (alarm) stay apart to be seen. */
export function stretchesOf(segments: readonly Segment[]): Stretch[] {
  const found: Stretch[] = [];
  const sorted = [...segments].sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
  for (const segment of sorted) {
    const source: Source = segment.source === "device" ? "device" : "local";
    const [start, end] = [Date.parse(segment.start), Date.parse(segment.end)];
    const kind = segment.record_type ?? "";
    const last = found.findLast((each) => each.source === source);
    if (last !== undefined && last.kind === kind && start - last.end <= JOIN_MS) {
      last.end = Math.max(last.end, end);
      last.files.push(segment);
    } else {
      found.push({ source, start, end, kind, files: [segment] });
    }
  }
  return found;
}

/** The stretch of a place at this moment, else the first one after it. */
export function stretchAt(
  stretches: readonly Stretch[], at: number, source: Source,
): Stretch | null {
  const own = stretches.filter((each) => each.source === source);
  return own.find((each) => at >= each.start && at < each.end)
    ?? own.find((each) => each.start > at) ?? null;
}

/** How far one may play from `at` without a gap, whatever the kinds. */
export function unbroken(stretches: readonly Stretch[], at: number, source: Source): number | null {
  let end: number | null = null;
  for (const each of stretches) {
    if (each.source !== source || each.end <= at) continue;
    if (end === null ? each.start > at : each.start - end > JOIN_MS) break;
    end = each.end;
  }
  return end;
}

/** The file behind (or before) the one at this moment. */
export function neighbourFile(
  stretches: readonly Stretch[], at: number, source: Source, step: 1 | -1,
): Segment | null {
  const files = stretches.filter((each) => each.source === source).flatMap((each) => each.files);
  if (step === 1) return files.find((file) => Date.parse(file.start) > at) ?? null;
  const current = files.findLast((file) => Date.parse(file.start) <= at);
  return files.findLast((file) => current !== undefined && file.start < current.start) ?? null;
}

/** The file of a place at this moment. */
export function fileAt(
  stretches: readonly Stretch[], at: number, source: Source,
): Segment | null {
  const files = stretches.filter((each) => each.source === source).flatMap((each) => each.files);
  return files.find((file) => at >= Date.parse(file.start) && at < Date.parse(file.end)) ?? null;
}

export function dayView(dayStart: number): View {
  return { from: dayStart, to: dayStart + DAY_MS };
}

/** Share of the view's width, 0 to 1 inside it. */
export function shareOf(view: View, at: number): number {
  return (at - view.from) / (view.to - view.from);
}

export function timeAt(view: View, share: number): number {
  return view.from + Math.min(1, Math.max(0, share)) * (view.to - view.from);
}

/** Closer or wider around a moment, never beyond the day. */
export function zoomed(view: View, around: number, factor: number, day: View): View {
  const length = Math.min(DAY_MS, Math.max(LEAST_VIEW_MS, (view.to - view.from) * factor));
  const from = around - shareOf(view, around) * length;
  const start = Math.min(Math.max(from, day.from), day.to - length);
  return { from: start, to: start + length };
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180];

/** Moments worth a mark, at most a dozen. */
export function ticksOf(view: View): number[] {
  const lengthMin = (view.to - view.from) / 60_000;
  const step = (STEPS_MIN.find((each) => lengthMin / each <= 12) ?? 240) * 60_000;
  const found: number[] = [];
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) found.push(at);
  return found;
}
