/** The verdict card: what is, why, what to do next. Used for failures and for empty lists alike. */

import { fill, h, icon, type IconName } from "../dom";

export type Tone = "ok" | "warn" | "bad" | "quiet";

export interface Verdict {
  tone: Tone;
  title: string;
  text?: string;
  hint?: string;
  actions?: HTMLElement[];
}

const SIGN: Record<Tone, IconName> = {
  ok: "check", warn: "level-3", bad: "level-1", quiet: "help",
};

export function verdictCard(verdict: Verdict): HTMLElement {
  const card = h("div", { class: `verdict verdict-${verdict.tone}` });
  fill(card,
    h("p", { class: "verdict-title" }, icon(SIGN[verdict.tone]), verdict.title),
    verdict.text ? h("p", { class: "verdict-text" }, verdict.text) : null,
    verdict.hint ? h("p", { class: "verdict-hint quiet" }, verdict.hint) : null,
    verdict.actions && verdict.actions.length > 0
      ? h("div", { class: "verdict-actions" }, ...verdict.actions) : null);
  return card;
}
