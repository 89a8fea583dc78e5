/** What an upper platform may see: ticks in both trees, single channels by search, what is kept back. */

import type { Api } from "../api";
import type { Channel, TreeNode } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, type Key } from "../i18n";
import { PlatformApi } from "../platform_api";
import { LazyTree, type TreeRow } from "./lazy_tree";
import { ShareModel, type Placed, type Tick } from "./share_model";
import { attempt, toast } from "./toast";
import type { Grouping } from "./tree_model";

const TYPING_MS = 250;
const FOUND = 12;
/** Branches that are unfolded by themselves to show where chosen things hang. */
const MOST_UNFOLDED = 40;
type Part = "organisations" | "categories" | "channels" | "excluded";
const PARTS: Part[] = ["organisations", "categories", "channels", "excluded"];

export class SharePicker {
  readonly element: HTMLElement;
  private model: ShareModel | null = null;
  private saved = "";
  private grouping: Grouping = "organisation";
  private readonly names = new Map<string, string>();
  private readonly trees: Record<Grouping, LazyTree<TreeNode>>;
  private readonly treePlace = h("div", { class: "share-tree" });
  private readonly summary = h("div", { class: "share-summary", "aria-live": "polite" });
  private readonly found = h("ul", { class: "found", hidden: true });
  private readonly search: HTMLInputElement;
  private readonly everything: HTMLInputElement;
  private readonly save: HTMLButtonElement;
  private readonly groupButtons: HTMLButtonElement[];
  private timer = 0;

  constructor(
    private readonly api: Api, private readonly id: string, private readonly mayChange: boolean,
    private readonly onSaved: () => void,
  ) {
    this.trees = { organisation: this.makeTree("organisation"), category: this.makeTree("category") };
    this.everything = h("input", { type: "checkbox", name: "everything", role: "switch", disabled: !mayChange });
    this.everything.addEventListener("change", () => {
      if (this.model !== null) this.model.everything = this.everything.checked;
      this.render();
    });
    this.search = h("input", { type: "search", name: "share-search", placeholder: t("share.search"),
      "aria-label": t("share.search"), autocomplete: "off", oninput: () => this.searchSoon() });
    this.groupButtons = (["organisation", "category"] as const).map((by) => h("button", { type: "button", "data-by": by,
      onclick: () => this.group(by) }, t(`tree.by_${by}` as Key)));
    this.save = h("button", { type: "button", class: "button button-primary", "data-action": "save-share",
      onclick: () => void this.store() }, icon("check"), t("share.save"));
    this.element = h("div", { class: "share" },
      h("section", { class: "share-choose" },
        h("label", { class: "switch" }, this.everything, h("span", {}, t("share.everything"))),
        h("div", { class: "share-tools" },
          h("div", { class: "segmented", role: "group", "aria-label": t("tree.browse_by") }, ...this.groupButtons),
          h("span", { class: "search-box" }, icon("search"), this.search)),
        this.found, this.treePlace),
      h("section", { class: "share-chosen" }, h("h3", {}, t("share.chosen")), this.summary,
        mayChange ? h("div", { class: "button-row" }, this.save) : null));
    this.group("organisation");
    void this.read();
  }

  /** Read it anew, unless somebody is changing it. */
  async refresh(): Promise<void> {
    if (!this.isChanged) await this.read();
  }

  private get isChanged(): boolean {
    return this.model !== null && JSON.stringify(this.model.share()) !== this.saved;
  }

  private async read(): Promise<void> {
    await attempt(async () => {
      const share = await new PlatformApi(this.api).share(this.id);
      this.model = new ShareModel(share);
      this.saved = JSON.stringify(this.model.share());
      await this.trees[this.grouping].reload();
      this.render();
      await this.showChosen();
      await this.nameChosen();
    });
  }

  private makeTree(by: Grouping): LazyTree<TreeNode> {
    return new LazyTree<TreeNode>({
      label: t("share.tree"), key: (node) => `${node.kind}:${node.id}`, hasChildren: (node) => node.has_children,
      load: async (parent) => {
        const items = await this.api.tree(by, parent?.id ?? null);
        for (const node of items) this.names.set(node.id, node.name);
        return { items, total: items.length };
      },
      cells: (row) => this.cells(row),
      attributes: (row) => ({ "aria-checked": ARIA[this.tick(row)], "data-tick": this.tick(row), "data-kind": row.node.kind,
        "aria-disabled": this.mayChange ? null : "true" }),
      onAct: (row) => this.act(row),
      empty: () => h("p", { class: "quiet pad" }, t("tree.empty_text")),
    });
  }

  private tick(row: TreeRow<TreeNode>): Tick {
    return this.model?.tick(row) ?? "off";
  }

  private cells(row: TreeRow<TreeNode>): (Node | null)[] {
    const { node } = row;
    return [
      h("span", { class: `tick tick-${this.tick(row)}`, "aria-hidden": "true" }),
      node.kind === "channel" ? null : icon(node.kind === "device" ? "device" : node.kind === "category" ? "category" : "folder"),
      h("span", { class: "tree-name", title: node.id }, node.name),
      node.kind === "channel" ? null : h("span", { class: "tree-count" }, node.count),
    ];
  }

  private act(row: TreeRow<TreeNode>): void {
    if (!this.mayChange || this.model === null) return;
    // Of a branch that nobody opened it is not known what would be kept back in it: look first.
    if (row.below === null && row.node.has_children && this.tick(row) === "part") {
      void this.trees[this.grouping].unfold(row);
      return;
    }
    this.model.toggle(row, this.trees[this.grouping].rows);
    this.render();
  }

  private group(by: Grouping): void {
    this.grouping = by;
    for (const button of this.groupButtons) button.setAttribute("aria-pressed", String(button.dataset["by"] === by));
    fill(this.treePlace, this.trees[by].element);
    if (this.trees[by].rows.length === 0 && this.model !== null) void this.trees[by].reload();
    this.render();
  }

  /** Unfold down to what is chosen, so that no tick is out of sight. */
  private async showChosen(): Promise<void> {
    const tree = this.trees.organisation;
    const model = this.model;
    if (model === null || this.grouping !== "organisation") return;
    let missing = [...model.organisations, ...model.channels, ...model.excluded];
    let unfolded = 0;
    let level = tree.rows;
    while (missing.length > 0 && level.length > 0 && unfolded < MOST_UNFOLDED) {
      const known = new Set(tree.all().map((row) => row.node.id));
      missing = missing.filter((id) => !known.has(id));
      if (missing.length === 0) return;
      const branches = level.filter((row) => row.node.has_children).slice(0, MOST_UNFOLDED - unfolded);
      unfolded += branches.length;
      for (const row of branches) await tree.unfold(row);
      level = branches.flatMap((row) => row.below ?? []);
    }
  }

  private async nameChosen(): Promise<void> {
    const unnamed = [...(this.model?.channels ?? []), ...(this.model?.excluded ?? [])].filter((code) => !this.names.has(code));
    for (const code of unnamed.slice(0, MOST_UNFOLDED)) {
      const channel = await this.api.channel(code).catch(() => null);
      if (channel !== null) this.names.set(code, channel.name);
    }
    if (this.model !== null && this.model.categories.size > 0 && !this.names.has("category")) {
      this.names.set("category", "");
      for (const node of await this.api.tree("category", null)) this.names.set(node.id, node.name);
    }
    this.renderSummary();
  }

  private render(): void {
    this.everything.checked = this.model?.everything ?? false;
    this.trees[this.grouping].render();
    this.renderSummary();
  }

  private renderSummary(): void {
    const { model } = this;
    this.element.dataset["changed"] = String(this.isChanged);
    this.save.disabled = !this.isChanged;
    if (model === null) return;
    fill(this.summary,
      model.everything ? h("p", {}, icon("check"), " ", t("share.everything_on")) : null,
      model.isEmpty ? h("p", { class: "notice" }, t("share.nothing")) : null,
      ...PARTS.filter((part) => model[part].size > 0).map((part) => this.chips(part, model)),
      this.isChanged ? h("p", { class: "unsaved", role: "status" }, t("share.unsaved")) : null);
  }

  private chips(part: Part, model: ShareModel): HTMLElement {
    return h("div", { class: "share-part", "data-part": part },
      h("h4", {}, t(`share.part.${part}` as Key), " ", h("span", { class: "quiet" }, model[part].size)),
      h("div", { class: "chips" }, ...[...model[part]].map((id) => {
        const name = this.names.get(id) ?? id;
        return h("span", { class: "chip", "data-chip": id, title: id }, name,
          this.mayChange ? iconButton("close", t("voice.pick_remove", { name }), () => {
            model[part].delete(id);
            this.render();
          }) : null);
      })));
  }

  private async store(): Promise<void> {
    const { model } = this;
    if (model === null) return;
    this.save.disabled = true;
    const platforms = new PlatformApi(this.api);
    await attempt(async () => {
      const kept = await platforms.setShare(this.id, model.share());
      this.model = new ShareModel(kept);
      this.saved = JSON.stringify(this.model.share());
      const { channels } = await platforms.one(this.id);
      toast(t("share.saved", { channels }));
      this.onSaved();
    });
    this.render();
  }

  // Search

  private searchSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.find(), TYPING_MS);
  }

  private async find(): Promise<void> {
    const q = this.search.value.trim();
    this.found.hidden = q === "";
    if (q === "") return;
    await attempt(async () => {
      const { items } = await this.api.channels({ q, size: FOUND });
      for (const channel of items) this.names.set(channel.code, channel.name);
      fill(this.found, ...items.map((channel) => this.foundRow(channel)),
        items.length === 0 ? h("li", { class: "quiet" }, t("voice.pick_nothing")) : null);
    });
  }

  private foundRow(channel: Channel): HTMLElement {
    // Where it is loaded in the tree, what is above it counts too.
    const placed: Placed = this.trees.organisation.all().find(({ node }) => node.id === channel.code)
      ?? { node: leafOf(channel), above: [], below: null };
    const box = h("input", { type: "checkbox", checked: this.model?.tick(placed) === "on", disabled: !this.mayChange });
    box.addEventListener("change", () => {
      this.model?.setChannel(placed, box.checked);
      this.render();
    });
    return h("li", {}, h("label", { class: "switch", "data-found": channel.code }, box,
      h("span", {}, channel.name), h("code", { class: "quiet" }, channel.code)));
  }
}

const ARIA: Record<Tick, string> = { on: "true", off: "false", part: "mixed" };

function leafOf(channel: Channel): TreeNode {
  return { id: channel.code, kind: "channel", name: channel.name, parent: null, count: 1,
    online_count: Number(channel.online), has_children: false, channel };
}
