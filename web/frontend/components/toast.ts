/** Short messages at the edge of the screen, read out by screen readers; faults stay longer. */

import { h, need } from "../dom";
import { Problem } from "../api";
import { t, tServer } from "../i18n";

const STAY_MS = 4_000;
const FAULT_STAY_MS = 9_000;

export function toast(text: string, tone: "ok" | "bad" = "ok"): void {
  const item = h("div", { class: `toast toast-${tone}`, role: tone === "bad" ? "alert" : "status" }, text);
  need("#toasts").appendChild(item);
  window.setTimeout(() => item.remove(), tone === "bad" ? FAULT_STAY_MS : STAY_MS);
}

/** What a problem says, in words for people. */
export function problemText(error: unknown): string {
  if (!(error instanceof Problem)) return String(error);
  if (error.status === 0 && error.title === error.code) return tServer("problem", error.code);
  return error.detail === "" ? error.title
    : t("problem.with_detail", { title: error.title, detail: error.detail });
}

/** Run what a person asked for; a problem becomes a message, anything else is a defect and thrown. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    toast(problemText(error), "bad");
    return false;
  }
  if (done !== undefined) toast(done);
  return true;
}

/** Copy whole and say so. Plain HTTP pages have no clipboard API, so the old way is kept. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
  } else {
    const area = h("textarea", { class: "offscreen", "aria-hidden": true });
    area.value = text;
    (document.querySelector("dialog[open]") ?? document.body).appendChild(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  toast(t("common.copied", { text: text.length > 40 ? `${text.slice(0, 40)}…` : text }));
}
