/** Broadcasts that run, wait or are over: progress, what became of each target, the button that stops. */

import type { Api } from "../api";
import type { Broadcast } from "../contract";
import { fill, h, icon } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { timeWithAge } from "./age";
import { attempt } from "./toast";

const OVER = new Set(["done", "stopped", "interrupted", "failed"]);
const SHOWN_TARGETS = 8;

export class BroadcastList {
  readonly element = h("section", { class: "panel broadcasts", "aria-label": t("voice.list") });
  private readonly open = new Set<string>();

  constructor(private readonly api: Api, private readonly mayStop: boolean, private readonly reload: () => void) {}

  show(broadcasts: Broadcast[]): void {
    fill(this.element, h("h2", {}, t("voice.list")),
      ...broadcasts.map((each) => this.row(each)),
      broadcasts.length === 0 ? h("p", { class: "quiet" }, t("voice.none")) : null);
  }

  private row(each: Broadcast): HTMLElement {
    const isOver = OVER.has(each.state);
    const heard = each.targets.filter((target) => target.state === "done" || target.state === "speaking").length;
    return h("article", { class: `broadcast broadcast-${each.state}`, "data-broadcast": each.id, "data-state": each.state },
      h("header", { class: "broadcast-head" },
        h("span", { class: "broadcast-state" }, tServer("voice.state", each.state)),
        h("b", { class: "broadcast-name" }, each.name),
        h("span", { class: "quiet" }, t(`voice.source.${each.kind === "talk" ? "live" : each.kind}` as Key), " · ", each.by),
        h("span", { class: "quiet" }, timeWithAge(each.created_at)),
        isOver || !this.mayStop ? null : h("button", { type: "button", class: "button button-small button-danger",
          "data-action": "stop", onclick: () => void this.stop(each) }, icon("stop"), t("voice.stop"))),
      each.length_s === null || isOver ? null
        : h("progress", { max: each.length_s, value: each.played_s, "aria-label": t("voice.progress") }),
      h("p", { class: "quiet" }, t("voice.heard", { heard, all: each.targets.length }),
        each.clipped > 0 ? h("span", { class: "clipped" }, " · ", t("voice.clipped")) : null),
      this.targets(each));
  }

  private targets(each: Broadcast): HTMLElement {
    const isAll = this.open.has(each.id);
    const shown = isAll ? each.targets : each.targets.slice(0, SHOWN_TARGETS);
    const more = each.targets.length - shown.length;
    return h("ul", { class: "target-results" }, ...shown.map((target) =>
      h("li", { class: `target target-${target.state}`, "data-target": target.code, "data-state": target.state },
        icon(target.state === "failed" ? "close" : target.state === "done" ? "check" : "speaker"),
        h("span", { title: target.code }, target.name || target.code),
        h("span", { class: "quiet", title: target.detail ?? "" }, target.reason === null
          ? tServer("voice.target", target.state) : tServer("voice.reason", target.reason)))),
    more > 0 ? h("li", {}, h("button", { type: "button", class: "link",
      onclick: () => { this.open.add(each.id); this.reload(); } }, t("voice.more_targets", { count: more }))) : null);
  }

  private async stop(each: Broadcast): Promise<void> {
    await attempt(() => this.api.stopBroadcast(each.id));
    this.reload();
  }
}
