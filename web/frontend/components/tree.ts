/** The tree of cameras: two ways to browse, search, dots and counts; a source of drags. */

import type { Api } from "../api";
import { formatCode } from "../clock";
import type { Channel, TreeNode } from "../contract";
import { fill, h, icon, iconButton, need } from "../dom";
import type { EventStream } from "../events";
import { t } from "../i18n";
import { isStringList, recall, remember } from "../preferences";
import { CHANNEL_DRAG } from "./alarm_list";
import { presenceDot } from "./marks";
import { attempt } from "./toast";
import { TreeModel, type Grouping, type TreeRow } from "./tree_model";
import { verdictCard } from "./verdict";

const SEARCH_WAIT_MS = 250;
const REFRESH_WAIT_MS = 2_000;
const MOST_FOUND = 100;

export interface TreeOptions {
  api: Api;
  root: HTMLElement;
  search: HTMLInputElement;
  onOpen: (channel: Channel) => void;
  onInfo: (channel: Channel) => void;
}

export class ChannelTree {
  private readonly list: HTMLElement;
  private readonly model: TreeModel;
  private focusKey: string | null = null;
  private searchTimer = 0;
  private refreshTimer = 0;
  private query = "";
  private found: Channel[] = [];
  private isHeld = false;
  private isDragged = false;
  /** What would have been drawn while a row was held. */
  private waiting: (() => void) | null = null;

  constructor(private readonly options: TreeOptions) {
    const { api, root, search } = options;
    const grouping: Grouping = recall("tree-by", "organisation",
      (value): value is Grouping => value === "organisation" || value === "category");
    const open = recall("tree-open", [], isStringList).filter((key) => key !== null);
    this.model = new TreeModel((by, parent) => api.tree(by, parent), grouping, open);
    this.list = need("[data-role=tree]", root);
    this.list.addEventListener("keydown", (event) => this.onKey(event));
    for (const button of root.querySelectorAll<HTMLButtonElement>("[data-by]")) {
      button.addEventListener("click", () => this.group(button.dataset["by"] as Grouping));
    }
    this.watchPointer();
    search.addEventListener("input", () => this.onSearch(search.value.trim()));
    this.markGrouping();
  }

  follow(events: EventStream): void {
    events.on("channel_status", (status, at) => {
      for (const channel of this.found) {
        if (channel.code === status.code) Object.assign(channel, { online: status.online, proven: status.proven });
      }
      if (this.model.apply(status, at) || this.query !== "") this.render();
      this.refreshSoon();
    });
    events.on("device_status", () => this.refreshSoon());
    events.on("catalog_merged", () => this.refreshSoon());
    events.onGap(() => void this.refresh());
  }

  async refresh(): Promise<void> {
    await attempt(() => this.model.refresh());
    this.render();
  }

  /** Many events in a row cost one reading of the counts. */
  private refreshSoon(): void {
    if (this.refreshTimer !== 0) return;
    this.refreshTimer = window.setTimeout(() => {
      this.refreshTimer = 0;
      void this.refresh();
    }, REFRESH_WAIT_MS);
  }

  private group(grouping: Grouping): void {
    this.model.grouping = grouping;
    remember("tree-by", grouping);
    this.markGrouping();
    this.render();
    void this.refresh();
  }

  private markGrouping(): void {
    for (const button of this.options.root.querySelectorAll<HTMLElement>("[data-by]")) {
      button.setAttribute("aria-pressed", String(button.dataset["by"] === this.model.grouping));
    }
  }

  private onSearch(query: string): void {
    window.clearTimeout(this.searchTimer);
    this.query = query;
    if (query === "") {
      this.found = [];
      this.render();
      return;
    }
    this.searchTimer = window.setTimeout(() => void this.runSearch(query), SEARCH_WAIT_MS);
  }

  private async runSearch(query: string): Promise<void> {
    await attempt(async () => {
      // A code pasted in groups is still the code.
      const compact = query.replaceAll(" ", "");
      const q = /^\d{6,20}$/.test(compact) ? compact : query;
      const page = await this.options.api.channels({ q, page: 1, size: MOST_FOUND });
      if (query !== this.query) return;
      this.found = page.items;
      this.render(page.total);
    });
  }

  /** A row under a finger must not be exchanged: its click or drag would be lost. */
  private watchPointer(): void {
    this.list.addEventListener("pointerdown", () => { this.isHeld = true; });
    this.list.addEventListener("dragstart", () => { this.isDragged = true; });
    document.addEventListener("pointerup", () => this.letGo());
    for (const end of ["drop", "dragend"]) {
      document.addEventListener(end, () => { this.isDragged = false; this.letGo(); });
    }
    // A drag begins with it, and a touch that scrolls ends with it.
    document.addEventListener("pointercancel", () => { if (!this.isDragged) this.letGo(); });
  }

  private letGo(): void {
    if (!this.isHeld) return;
    this.isHeld = false;
    // After the click, which follows at once.
    window.setTimeout(() => {
      if (this.isHeld) return;
      this.waiting?.();
      this.waiting = null;
    });
  }

  private render(total = this.found.length): void {
    if (this.isHeld) {
      this.waiting = () => this.render(total);
      return;
    }
    this.waiting = null;
    if (this.query !== "") {
      this.renderFound(total);
      return;
    }
    const rows = this.model.rows();
    if (rows.length === 0) {
      fill(this.list, this.model.hasRoots
        ? verdictCard({ tone: "quiet", title: t("tree.empty"), text: t("tree.empty_text"),
          actions: [h("a", { class: "button", href: "/access" }, t("nav.access"))] })
        : h("p", { class: "quiet pad" }, t("common.loading")));
      return;
    }
    if (!rows.some((row) => row.key === this.focusKey)) this.focusKey = rows[0]?.key ?? null;
    this.replaceRows(rows.map((row) => this.row(row)));
  }

  /** Exchange the rows without losing the reader's place or the keyboard's. */
  private replaceRows(rows: HTMLElement[]): void {
    const hadFocus = this.list.contains(document.activeElement);
    const top = this.list.scrollTop;
    fill(this.list, ...rows);
    this.list.scrollTop = top;
    if (hadFocus) this.list.querySelector<HTMLElement>("[tabindex='0']")?.focus({ preventScroll: true });
  }

  private renderFound(total: number): void {
    if (this.found.length === 0) {
      fill(this.list, h("p", { class: "quiet pad" }, t("tree.nothing_found", { q: this.query })));
      return;
    }
    const rows = this.found.map((channel, index) => this.leaf(channel, {
      key: `channel:${channel.code}`, depth: 0, isFocusable: index === 0 }));
    if (total > rows.length) {
      rows.push(h("p", { class: "quiet pad" }, t("tree.more_found", { shown: rows.length, total })));
    }
    this.replaceRows(rows);
  }

  private row(row: TreeRow): HTMLElement {
    const isFocusable = row.key === this.focusKey;
    if (row.node.channel) {
      return this.leaf(row.node.channel, { key: row.key, depth: row.depth, isFocusable });
    }
    const { node } = row;
    return h("div", {
      class: "tree-row tree-branch", role: "treeitem", "data-node": node.id, "data-kind": node.kind,
      "data-key": row.key, "data-depth": Math.min(row.depth, 8), "aria-level": row.depth + 1,
      "aria-expanded": node.has_children ? String(row.isOpen) : null,
      "aria-busy": row.isLoading ? "true" : null,
      tabindex: isFocusable ? "0" : "-1", title: node.name,
      onclick: () => this.toggle(node),
    },
      icon(row.isOpen ? "unfold" : "fold", "icon twist"),
      icon(node.kind === "device" ? "device" : node.kind === "category" ? "category" : "folder"),
      h("span", { class: "tree-name" }, node.name),
      h("span", { class: "tree-count", title: t("tree.count_title") },
        h("b", {}, node.online_count), `/${node.count}`));
  }

  private leaf(channel: Channel, place: { key: string; depth: number; isFocusable: boolean }): HTMLElement {
    return h("div", {
      class: "tree-row tree-leaf", role: "treeitem", "data-channel": channel.code, "data-kind": "channel",
      "data-key": place.key, "data-depth": Math.min(place.depth, 8), "aria-level": place.depth + 1,
      "data-online": String(channel.online), tabindex: place.isFocusable ? "0" : "-1", draggable: "true",
      title: `${channel.name}\n${formatCode(channel.code)}`,
      ondragstart: (event: DragEvent) => event.dataTransfer?.setData(CHANNEL_DRAG, channel.code),
      ondblclick: () => this.options.onOpen(channel),
      onclick: (event: MouseEvent) => this.focusRow(event.currentTarget as HTMLElement),
    },
      presenceDot(channel),
      h("span", { class: "tree-name" }, channel.name),
      channel.recording ? icon("record", "icon tree-recording") : null,
      iconButton("info", t("tree.info"), (event) => { event.stopPropagation(); this.options.onInfo(channel); },
        { tabindex: "-1", "data-action": "info" }));
  }

  private toggle(node: TreeNode): void {
    this.focusKey = `${node.kind}:${node.id}`;
    if (this.model.open.has(this.focusKey)) this.model.collapse(node);
    else void attempt(() => this.model.expand(node)).then(() => this.render());
    remember("tree-open", [...this.model.open]);
    this.render();
    this.list.querySelector<HTMLElement>("[tabindex='0']")?.focus({ preventScroll: true });
  }

  private focusRow(row: HTMLElement): void {
    this.list.querySelector("[tabindex='0']")?.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
    this.focusKey = row.dataset["key"] ?? null;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }

  private onKey(event: KeyboardEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
    if (row === null || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!this.handleKey(event.key, row)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private handleKey(key: string, row: HTMLElement): boolean {
    const rows = [...this.list.querySelectorAll<HTMLElement>("[role=treeitem]")];
    const index = rows.indexOf(row);
    const isOpen = row.getAttribute("aria-expanded");
    const go = (target: HTMLElement | undefined): void => { if (target) this.focusRow(target); };
    const act: Record<string, () => void> = {
      ArrowDown: () => go(rows[index + 1]),
      ArrowUp: () => go(rows[index - 1]),
      Home: () => go(rows[0]),
      End: () => go(rows.at(-1)),
      ArrowRight: () => { if (isOpen === "false") row.click(); else if (isOpen === "true") go(rows[index + 1]); },
      ArrowLeft: () => { if (isOpen === "true") row.click(); else go(parentRow(rows, index)); },
      Enter: () => row.dispatchEvent(new MouseEvent(isOpen === null ? "dblclick" : "click")),
      i: () => row.querySelector<HTMLElement>("[data-action=info]")?.click(),
    };
    const found = act[key];
    found?.();
    return found !== undefined;
  }
}

function parentRow(rows: HTMLElement[], index: number): HTMLElement | undefined {
  const level = Number(rows[index]?.getAttribute("aria-level"));
  return rows.slice(0, index).findLast((row) => Number(row.getAttribute("aria-level")) < level);
}
