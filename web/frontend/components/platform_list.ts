/** The upper platforms in a column: how each stands, since when, why not, and what it gets now. */

import { formatTime } from "../clock";
import { fill, h, icon } from "../dom";
import { t, tServer } from "../i18n";
import type { Platform } from "../platform_contract";
import { timeWithAge } from "./age";
import { stateBadge } from "./platform_score";
import { verdictCard } from "./verdict";

export class PlatformList {
  readonly element = h("nav", { class: "upper-list", "aria-label": t("platform.list") });

  private shown = "";

  constructor(private readonly onChoose: (id: string) => void, private readonly addButton: () => HTMLElement | null) {}

  show(platforms: Platform[], chosen: string | null): void {
    const shown = JSON.stringify([platforms, chosen]);
    if (shown === this.shown) return;
    this.shown = shown;
    const focused = this.element.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset["upper"] : undefined;
    if (platforms.length === 0) {
      const add = this.addButton();
      fill(this.element, verdictCard({ tone: "quiet", title: t("platform.none"), text: t("platform.none_text"),
        hint: t("platform.none_try"), actions: add === null ? [] : [add] }));
      return;
    }
    fill(this.element, ...platforms.map((platform) => this.row(platform, platform.id === chosen)));
    if (focused !== undefined) this.element.querySelector<HTMLElement>(`[data-upper="${focused}"]`)?.focus({ preventScroll: true });
  }

  private row(platform: Platform, isChosen: boolean): HTMLElement {
    const { scorecard } = platform;
    const failure = scorecard.failure ?? "";
    return h("button", { type: "button", class: "upper", "data-upper": platform.id, "aria-current": isChosen ? "true" : null,
      onclick: () => this.onChoose(platform.id) },
    h("span", { class: "upper-name" }, h("b", {}, platform.name), stateBadge(platform)),
    h("span", { class: "quiet" }, `${platform.host}:${platform.port} ${platform.transport.toUpperCase()}`, " · ",
      t("platform.channels", { channels: platform.channels })),
    failure === "" ? null : h("span", { class: "upper-why" }, icon("level-1"), tServer("platform.failure", failure)),
    scorecard.since === null ? null : h("span", { class: "quiet" }, t("platform.since"), " ", timeWithAge(scorecard.since),
      scorecard.next_attempt_at === null ? null
        : h("span", {}, " · ", t("platform.next_attempt", { time: formatTime(scorecard.next_attempt_at).slice(11) }))),
    h("span", { class: "upper-streams" }, icon("play"), t("platform.streams", { streams: scorecard.streams })));
  }
}
