/** The ladder: what passed between us and one peer, message by message, as it happens. */

import { search, type Api, type Query } from "../api";
import { formatTime } from "../clock";
import { fill, h, icon, iconButton } from "../dom";
import { t, tLength } from "../i18n";
import { readInto } from "./reading";
import {
  EMPTY_TEXT, formatPause, isLongPause, meaning, merge, methodsOf, MOST_MESSAGES, NO_FILTER, requestWords, rungs,
  type LadderFilter, type PeerKind, type Rung, type SipMessage, type SipMessageList,
} from "./signalling_model";
import { copyText } from "./toast";
import { verdictCard } from "./verdict";

const FOLLOW_MS = 2000;
const ROOT = "/api/v1";
const NEAR_END_PX = 40;

export interface LadderSource {
  /** Under the root of the interface: `/devices/{id}/sip`, `/platforms/{id}/sip` or `/sip`. */
  path: string;
  /** What else the address needs: `address` of `/sip`. */
  query?: Query;
  kind: PeerKind;
  /** What the other end is called. */
  name: string;
}

/** A ladder that reads itself and follows until it is taken off the page. */
export function signallingLadder(api: Api, source: LadderSource): HTMLElement {
  return new Ladder(api, source).element;
}

class Ladder {
  readonly element = h("div", { class: "sip", "data-sip": "" });
  private readonly list = h("ol", { class: "sip-list", role: "listbox", tabindex: "0", "data-scrolls": "", "aria-label": t("sip.title") });
  private readonly peerEnd = h("span", { class: "sip-end" });
  private readonly ownEnd = h("span", { class: "sip-end sip-end-own" });
  private readonly detail = h("div", { class: "sip-detail", hidden: true });
  private readonly dialogue = h("span", { class: "sip-dialogue", hidden: true });
  private readonly methods = h("select", { "aria-label": t("sip.method"), name: "sip-method" });
  private readonly download = h("a", { class: "button button-small", "data-action": "take-sip", download: "" },
    icon("download"), t("sip.capture"));
  private readonly filter: LadderFilter = { ...NO_FILTER };
  private messages: SipMessage[] = [];
  private cursor = 0;
  private isFollowing = true;
  private chosen: number | null = null;

  constructor(private readonly api: Api, private readonly source: LadderSource) {
    this.list.addEventListener("keydown", (event) => this.move(event));
    this.methods.addEventListener("change", () => this.choose({ method: this.methods.value }));
    queueMicrotask(() => void readInto(this.element, () => this.begin()));
  }

  private async begin(): Promise<Node[]> {
    await this.take({ limit: MOST_MESSAGES });
    this.show(true);
    window.setTimeout(() => void this.follow(), FOLLOW_MS);
    return [this.bar(), h("div", { class: "sip-body" },
      h("div", { class: "sip-ladder" },
        h("div", { class: "sip-ends" }, this.peerEnd, this.ownEnd), this.list), this.detail)];
  }

  private async take(query: Query): Promise<number> {
    const page = await this.api.ask<SipMessageList>("GET",
      this.source.path + search({ ...this.source.query, ...query }));
    this.messages = merge(this.messages, page.items);
    this.cursor = page.cursor;
    const last = this.messages.at(-1);
    fill(this.peerEnd, h("b", {}, this.source.name), last === undefined ? "" : ` ${last.host}:${last.port}`);
    fill(this.ownEnd, h("b", {}, t("sip.us")), ` ${page.own_host}:${page.own_port}`);
    return page.items.length;
  }

  /** Nobody looks, nobody asks; who scrolled up stays where he is. */
  private async follow(): Promise<void> {
    if (!this.element.isConnected) return;
    if (this.isFollowing && this.element.offsetParent !== null && !document.hidden) {
      try {
        if (await this.take({ after: this.cursor, limit: MOST_MESSAGES }) > 0) this.show(this.isAtEnd());
        this.element.dataset["link"] = "up";
      } catch {
        // The next look comes in a moment, and the frame says that the server is away.
        this.element.dataset["link"] = "down";
      }
    }
    window.setTimeout(() => void this.follow(), FOLLOW_MS);
  }

  private isAtEnd(): boolean {
    const { scrollHeight, scrollTop, clientHeight } = this.list;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }

  private bar(): HTMLElement {
    const check = (name: string, label: string, checked: boolean, change: (on: boolean) => void): HTMLElement =>
      h("label", { class: "switch" }, h("input", { type: "checkbox", name, checked,
        onchange: (event: Event) => change((event.target as HTMLInputElement).checked) }), label);
    return h("div", { class: "sip-bar" },
      check("sip-hide-keepalives", t("sip.hide_keepalives"), !this.filter.keepalives,
        (on) => this.choose({ keepalives: !on })),
      check("sip-follow", t("sip.follow"), this.isFollowing, (on) => { this.isFollowing = on; }),
      this.methods,
      h("input", { type: "search", name: "sip-search", placeholder: t("sip.search"), "aria-label": t("sip.search"),
        oninput: (event: Event) => this.choose({ text: (event.target as HTMLInputElement).value }) }),
      this.dialogue,
      h("span", { class: "sip-acts" }, this.download,
        iconButton("full", t("sip.widen"), () => this.widen(), { "data-action": "widen-sip" })));
  }

  private widen(): void {
    this.element.closest(".drawer")?.classList.toggle("drawer-wide");
  }

  private choose(change: Partial<LadderFilter>): void {
    Object.assign(this.filter, change);
    this.show(true);
  }

  private show(toEnd: boolean): void {
    const { filter } = this;
    const found = rungs(this.messages, filter);
    const scroll = this.list.scrollTop;
    fill(this.list, ...found.length === 0 ? [h("li", { class: "sip-none" }, this.nothing())]
      : found.flatMap((rung) => [pauseRow(rung), this.row(rung)]));
    this.list.scrollTop = scroll;
    if (toEnd) queueMicrotask(() => { this.list.scrollTop = this.list.scrollHeight; });
    this.mark();
    const shown = this.methods.value;
    fill(this.methods, h("option", { value: "" }, t("sip.all_methods")),
      ...methodsOf(this.messages).map((method) => h("option", { value: method }, method)));
    this.methods.value = shown;
    this.download.href = `${ROOT}${this.source.path}.pcap` + search({ ...this.source.query,
      method: filter.method, call_id: filter.callId, q: filter.text.trim(), keepalives: filter.keepalives ? "" : "false" });
    this.dialogue.hidden = filter.callId === "";
    fill(this.dialogue, t("sip.one_dialogue"),
      iconButton("close", t("sip.all_dialogues"), () => this.choose({ callId: "" }), { "data-action": "all-dialogues" }));
  }

  private nothing(): HTMLElement {
    if (this.messages.length === 0) {
      return verdictCard({ tone: "quiet", title: t("sip.empty"), text: t(EMPTY_TEXT[this.source.kind]) });
    }
    return verdictCard({ tone: "quiet", title: t("sip.none_fits"), text: t("sip.none_fits_text") });
  }

  private row({ message, tone, pauseMs, colour }: Rung): HTMLElement {
    const { number, is_sent: isSent } = message;
    return h("li", { class: `sip-row sip-${tone} sip-call-${colour}`, role: "option", id: `sip-${number}`,
      "data-number": number, "data-method": message.method, "data-status": message.status ?? "",
      "data-sent": String(isSent), onclick: () => this.select(number) },
    h("span", { class: "sip-time" }, formatTime(message.at).slice(11), millis(message.at),
      h("span", { class: "quiet" }, pauseMs === null || isLongPause(pauseMs) ? "" : formatPause(pauseMs))),
    h("span", { class: "sip-step" },
      h("span", { class: "sip-words" }, h("b", {}, meaning(message)),
        h("span", { class: "quiet" }, message.status === null ? nameOf(message) : requestWords(message)),
        message.is_repeated ? h("span", { class: "sip-mark" }, t("sip.repeated")) : null),
      h("span", { class: isSent ? "sip-arrow sip-arrow-sent" : "sip-arrow", "aria-hidden": "true" })));
  }

  private move(event: KeyboardEvent): void {
    const rows = [...this.list.querySelectorAll<HTMLElement>("[data-number]")];
    const place = rows.findIndex((row) => Number(row.dataset["number"]) === this.chosen);
    const steps: Record<string, number> = {
      ArrowDown: place + 1, ArrowUp: place < 0 ? rows.length - 1 : place - 1, Home: 0, End: rows.length - 1,
    };
    const target = steps[event.key];
    const row = rows[Math.min(Math.max(target ?? -1, 0), rows.length - 1)];
    if (target === undefined || row === undefined) return;
    event.preventDefault();
    this.select(Number(row.dataset["number"]));
    row.scrollIntoView({ block: "nearest" });
  }

  private select(number: number): void {
    this.chosen = number;
    this.mark();
    const message = this.messages.find((one) => one.number === number);
    if (message !== undefined) this.tell(message);
  }

  private mark(): void {
    for (const row of this.list.querySelectorAll<HTMLElement>("[data-number]")) {
      row.setAttribute("aria-selected", String(Number(row.dataset["number"]) === this.chosen));
    }
    if (this.chosen === null) this.list.removeAttribute("aria-activedescendant");
    else this.list.setAttribute("aria-activedescendant", `sip-${this.chosen}`);
  }

  /** The whole message, as it may be shown. */
  private tell(message: SipMessage): void {
    const { filter } = this;
    const peer = `${message.host}:${message.port}`;
    const facts: [string, string | null][] = [
      [t("sip.time"), formatTime(message.at) + millis(message.at)],
      [t("sip.way"), message.is_sent ? t("sip.way_out", { peer }) : t("sip.way_in", { peer })],
      [t("sip.size"), t("sip.size_of", { transport: message.transport.toUpperCase(), bytes: message.size_bytes })],
      [t("sip.about"), message.about],
    ];
    this.detail.hidden = false;
    fill(this.detail,
      h("header", { class: "sip-detail-head" }, h("b", {}, meaning(message)),
        message.call_id === "" || filter.callId !== "" ? null : h("button", { type: "button", class: "button button-small",
          "data-action": "one-dialogue", onclick: () => this.choose({ callId: message.call_id }) }, t("sip.only_this")),
        iconButton("copy", t("sip.copy"), () => void copyText(message.text), { "data-action": "copy-sip" }),
        iconButton("close", t("common.close"), () => { this.detail.hidden = true; this.list.focus(); })),
      h("dl", { class: "facts" }, ...facts.filter(([, value]) => value !== null)
        .flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value ?? "")])),
      message.is_cut ? h("p", { class: "quiet" }, t("sip.cut")) : null,
      h("pre", { class: "sip-text", tabindex: "0" }, message.text));
    // In a narrow panel it lies below the ladder.
    this.detail.scrollIntoView({ block: "nearest" });
  }
}

function pauseRow({ pauseMs }: Rung): HTMLElement | null {
  if (pauseMs === null || !isLongPause(pauseMs)) return null;
  return h("li", { class: "sip-pause", role: "presentation" }, tLength(pauseMs / 1000));
}

function nameOf({ method, cseq }: SipMessage): string {
  return cseq === null ? method : `${method} ${cseq}`;
}

function millis(at: string): string {
  return `.${String(((Date.parse(at) % 1000) + 1000) % 1000).padStart(3, "0")}`;
}
