/** What was recorded today: how much, and the newest files to play here or to take along. */

import { formatBytes, formatTime } from "../clock";
import type { Segment } from "../contract";
import { h, icon, iconButton } from "../dom";
import { t, tLength } from "../i18n";
import { codecName } from "../player/protocol";
import { openDialog } from "./dialog";

/** An hour of files of a minute. */
const SHOWN = 60;

/** `segments` oldest first; while the first file is being written there is none yet. */
export function segmentList(segments: Segment[], isRecording: boolean): HTMLElement {
  if (segments.length === 0) {
    return h("p", { class: "quiet" }, t(isRecording ? "drawer.first_segment" : "drawer.no_segments"));
  }
  const total = segments.reduce((sum, segment) => sum + segment.duration_s, 0);
  const bytes = segments.reduce((sum, segment) => sum + (segment.bytes ?? 0), 0);
  return h("div", {},
    h("p", {}, t("drawer.segments_today", {
      count: segments.length, length: tLength(total), size: formatBytes(bytes) })),
    h("ul", { class: "plain-list segments" }, ...segments.slice(-SHOWN).reverse().map(row)));
}

function row(segment: Segment): HTMLElement {
  const at = formatTime(segment.start).slice(11);
  return h("li", { class: "segment", "data-segment": segment.id },
    iconButton("play", t("segment.play", { at }), () => play(segment), { "data-action": "play" }),
    h("span", {}, at),
    h("span", { class: "segment-size quiet" }, `${tLength(segment.duration_s)} · ${formatBytes(segment.bytes ?? 0)}`),
    h("a", { class: "icon-button", href: fileOf(segment), download: true, title: t("segment.download"),
      "aria-label": t("segment.download") }, icon("download")));
}

function fileOf(segment: Segment): string {
  return `/api/v1/recordings/${segment.id}/file`;
}

function play(segment: Segment): void {
  const stage = h("div", { class: "segment-stage" });
  const video = h("video", { src: fileOf(segment), controls: true, autoplay: true, playsinline: true,
    onerror: () => stage.replaceChildren(h("p", { class: "quiet pad" },
      t("segment.unplayable", { codec: codecName(segment.codec) }))) });
  stage.appendChild(video);
  void openDialog({
    title: `${formatTime(segment.start)} · ${tLength(segment.duration_s)}`,
    name: "segment",
    body: [stage, h("a", { class: "button", href: fileOf(segment), download: true },
      icon("download"), t("segment.download"))],
  });
}
