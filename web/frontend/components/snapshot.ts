/** A still picture with the boxes that belong to it; says so when there is none. */

import type { DetectionBox } from "../contract";
import { h, icon } from "../dom";
import { t } from "../i18n";
import { boxWords } from "./box_words";

/** The picture; boxes are drawn with `showsBoxes` (they are unreadable on a thumbnail). */
export function snapshotView(url: string | null, boxes: DetectionBox[], alt: string, showsBoxes: boolean):
  HTMLElement {
  const frame = h("div", { class: "snapshot" });
  if (url === null || url === "") return withoutPicture(frame);
  const image = h("img", { src: url, alt, loading: "lazy", draggable: "false",
    onload: () => { if (showsBoxes) fitTo(frame, image); },
    onerror: () => withoutPicture(frame) });
  frame.appendChild(image);
  if (showsBoxes) for (const item of boxes) frame.appendChild(boxMark(item));
  return frame;
}

/** Give the frame the picture's own shape: the boxes are shares of it. */
function fitTo(frame: HTMLElement, image: HTMLImageElement): void {
  const ratio = image.naturalWidth / image.naturalHeight;
  frame.style.aspectRatio = String(ratio);
  frame.style.width = `min(100%, ${56 * ratio}vh)`;
}

function withoutPicture(frame: HTMLElement): HTMLElement {
  frame.classList.add("snapshot-none");
  frame.replaceChildren(icon("camera"), h("span", { class: "quiet" }, t("alarm.no_snapshot")));
  return frame;
}

function boxMark(item: DetectionBox): HTMLElement {
  const [x1, y1, x2, y2] = item.box;
  const mark = h("span", { class: "snapshot-box" },
    h("span", { class: y1 < 0.08 ? "snapshot-label snapshot-label-below" : "snapshot-label" },
      boxWords(item)));
  // Through the object model: a style attribute would need an exception in the security policy.
  mark.style.left = `${x1 * 100}%`;
  mark.style.top = `${y1 * 100}%`;
  mark.style.width = `${(x2 - x1) * 100}%`;
  mark.style.height = `${(y2 - y1) * 100}%`;
  return mark;
}
