/** Who is to hear: channels found by name, whole organisations, categories and devices, as chips. */

import type { Api } from "../api";
import type { TreeNode, VoiceTargets } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, type Key } from "../i18n";
import { attempt } from "./toast";

type Kind = "channels" | "devices" | "organisations" | "categories";

interface Choice {
  kind: Kind;
  id: string;
  name: string;
}

const FOUND = 12;
const TYPING_MS = 250;
/** Levels of the organisation tree that are offered. */
const DEPTH = 3;

export class TargetPicker {
  readonly element: HTMLElement;
  private readonly choices = new Map<string, Choice>();
  private readonly chips = h("div", { class: "chips", "data-chips": "" });
  private readonly found = h("ul", { class: "found", hidden: true });
  private readonly search: HTMLInputElement;
  private readonly groups = h("select", { name: "group", "aria-label": t("voice.pick_group") });
  private timer = 0;

  constructor(private readonly api: Api, start: VoiceTargets | null = null) {
    this.search = h("input", { type: "search", name: "target", placeholder: t("voice.pick_search"),
      "aria-label": t("voice.pick_search"), autocomplete: "off", oninput: () => this.searchSoon() });
    this.groups.addEventListener("change", () => this.takeGroup());
    this.element = h("div", { class: "target-picker" }, this.chips,
      h("div", { class: "target-tools" },
        h("span", { class: "search-box" }, icon("search"), this.search), this.groups),
      this.found);
    for (const kind of ["channels", "devices", "organisations", "categories"] as const) {
      for (const id of start?.[kind] ?? []) this.add({ kind, id, name: id });
    }
    this.render();
    void this.loadNames();
    void this.loadGroups();
  }

  get isEmpty(): boolean {
    return this.choices.size === 0;
  }

  targets(): VoiceTargets {
    const of = (kind: Kind): string[] =>
      [...this.choices.values()].filter((choice) => choice.kind === kind).map((choice) => choice.id);
    return { channels: of("channels"), devices: of("devices"), organisations: of("organisations"),
      categories: of("categories") };
  }

  private add(choice: Choice): void {
    this.choices.set(`${choice.kind}:${choice.id}`, choice);
    this.render();
  }

  /** What was chosen before is kept by code only; one that is gone keeps showing its code. */
  private async loadNames(): Promise<void> {
    for (const choice of this.choices.values()) {
      if (choice.kind !== "channels" || choice.name !== choice.id) continue;
      const found = await this.api.channel(choice.id).catch(() => null);
      if (found !== null) choice.name = found.name;
    }
    this.render();
  }

  private render(): void {
    fill(this.chips, ...[...this.choices].map(([key, choice]) =>
      h("span", { class: "chip", "data-target": choice.id },
        h("span", { class: "quiet" }, t(`voice.kind_of.${choice.kind}` as Key)), choice.name,
        iconButton("close", t("voice.pick_remove", { name: choice.name }), () => {
          this.choices.delete(key);
          this.render();
        }))),
    this.choices.size === 0 ? h("span", { class: "quiet" }, t("voice.pick_none")) : null);
  }

  private searchSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.find(), TYPING_MS);
  }

  private async find(): Promise<void> {
    const q = this.search.value.trim();
    if (q === "") {
      this.found.hidden = true;
      return;
    }
    await attempt(async () => {
      const { items } = await this.api.channels({ q, size: FOUND });
      fill(this.found, ...items.map((channel) => h("li", {},
        h("button", { type: "button", class: "link", "data-found": channel.code, onclick: () => {
          this.add({ kind: "channels", id: channel.code, name: channel.name });
          this.search.value = "";
          this.found.hidden = true;
        } }, icon(channel.online ? "dot-on" : "dot-off"), channel.name,
        h("code", { class: "quiet" }, channel.code)))),
      items.length === 0 ? h("li", { class: "quiet" }, t("voice.pick_nothing")) : null);
      this.found.hidden = false;
    });
  }

  private async loadGroups(): Promise<void> {
    await attempt(async () => {
      const [organisations, categories] = await Promise.all([
        this.branches(null, 0), this.api.tree("category", null)]);
      fill(this.groups, h("option", { value: "" }, t("voice.pick_group")),
        h("optgroup", { label: t("voice.kind_of.organisations") }, ...organisations),
        h("optgroup", { label: t("voice.kind_of.categories") },
          ...categories.filter((node) => /^\d{2}(\d{2})?$/.test(node.id)).map((node) => option("categories", node, 0))));
    });
  }

  private async branches(parent: string | null, depth: number): Promise<HTMLElement[]> {
    const nodes = await this.api.tree("organisation", parent);
    const found: HTMLElement[] = [];
    for (const node of nodes) {
      if (node.kind !== "organisation" && node.kind !== "device") continue;
      found.push(option(node.kind === "device" ? "devices" : "organisations", node, depth));
      if (node.has_children && depth + 1 < DEPTH) found.push(...await this.branches(node.id, depth + 1));
    }
    return found;
  }

  private takeGroup(): void {
    const chosen = this.groups.selectedOptions[0];
    const [kind, id] = this.groups.value.split(":");
    if (chosen === undefined || kind === undefined || id === undefined) return;
    this.add({ kind: kind as Kind, id, name: chosen.dataset["name"] ?? id });
    this.groups.value = "";
  }
}

function option(kind: Kind, node: TreeNode, depth: number): HTMLElement {
  return h("option", { value: `${kind}:${node.id}`, "data-name": node.name },
    `${"  ".repeat(depth)}${node.name}`);
}
