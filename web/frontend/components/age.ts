/** Times that carry their age, kept right by one clock for the whole page. */

import { formatShort, formatTime, serverNow } from "../clock";
import { h } from "../dom";
import { t, tLength } from "../i18n";

/** "15:30:12 · 3 分 12 秒前"; `—` when there is no time. */
export function timeWithAge(value: string | null | undefined): HTMLElement {
  if (value === null || value === undefined) return h("span", { class: "time" }, "—");
  return h("time", { class: "time", datetime: value, title: formatTime(value) },
    formatShort(value), " ", h("span", { class: "age quiet", "data-age-of": value }, age(value)));
}

/** "3 分 12 秒前" alone; the absolute time in its title. */
export function ageOnly(value: string): HTMLElement {
  return h("time", { class: "age quiet", datetime: value, "data-age-of": value, title: formatTime(value) },
    age(value));
}

/** The length since `value` in words, without "ago". */
export function lengthSince(value: string | number): string {
  const ms = typeof value === "number" ? value : Date.parse(value);
  return tLength((serverNow() - ms) / 1000);
}

function age(value: string): string {
  const seconds = (serverNow() - Date.parse(value)) / 1000;
  return seconds < 2 ? t("age.now") : t("age.ago", { length: tLength(seconds) });
}

/** Bring every age on the page up to date; called once a second. */
export function refreshAges(root: ParentNode = document): void {
  for (const element of root.querySelectorAll<HTMLElement>("[data-age-of]")) {
    const text = age(element.dataset["ageOf"] ?? "");
    if (element.textContent !== text) element.textContent = text;
  }
}
