/** A place that is read from a device: says that it reads, what came, or why nothing came, in place. */

import { Problem } from "../api";
import { fill, h, icon } from "../dom";
import { t } from "../i18n";
import { problemText } from "./toast";

/** Fill `place` with what `read` answers; a problem stays there with a button to try again. */
export async function readInto(place: HTMLElement, read: () => Promise<Node[]>): Promise<void> {
  fill(place, h("p", { class: "quiet", role: "status" }, t("common.loading")));
  try {
    fill(place, ...await read());
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fill(place, h("p", { class: "reading-fault", role: "alert" }, problemText(error)),
      h("button", { type: "button", class: "button button-small", "data-action": "read-again",
        onclick: () => void readInto(place, read) }, icon("retry"), t("tile.retry")));
  }
}

const LOOK_EVERY_MS = 2000;

/** Do it again in a moment, if somebody still looks at `place`. */
export function lookAgain(place: HTMLElement, look: () => void): void {
  window.setTimeout(() => { if (place.isConnected) look(); }, LOOK_EVERY_MS);
}
