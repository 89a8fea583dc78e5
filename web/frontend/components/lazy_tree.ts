/** A tree that is loaded branch by branch and page by page, walked with the keys of a tree. */

import { fill, h, icon } from "../dom";
import { t } from "../i18n";
import { attempt } from "./toast";

export interface TreeRow<Item> {
  node: Item;
  above: Item[];
  /** Null as long as nobody unfolded it. */
  below: TreeRow<Item>[] | null;
  /** Children that there are, loaded or not. */
  total: number;
  isOpen: boolean;
}

export interface LazyTreeOptions<Item> {
  label: string;
  key: (node: Item) => string;
  hasChildren: (node: Item) => boolean;
  load: (parent: Item | null, page: number) => Promise<{ items: Item[]; total: number }>;
  /** What stands in a row behind the twist. */
  cells: (row: TreeRow<Item>) => (Node | string | null)[];
  attributes?: (row: TreeRow<Item>) => Record<string, string | null>;
  /** Space, Enter, or a click on the row. */
  onAct?: (row: TreeRow<Item>) => void;
  empty: () => Node;
}

export class LazyTree<Item> {
  readonly element: HTMLElement;
  rows: TreeRow<Item>[] = [];
  private total = 0;
  private focus = "";
  private reading = 0;

  constructor(private readonly options: LazyTreeOptions<Item>) {
    this.element = h("div", { class: "tree lazy-tree", role: "tree", "aria-label": options.label,
      onkeydown: (event: KeyboardEvent) => this.onKey(event) });
  }

  /** Read the roots anew; what was unfolded unfolds again, one branch after the other. */
  async reload(): Promise<boolean> {
    this.reading += 1;
    const reading = this.reading;
    this.element.setAttribute("aria-busy", "true");
    const worked = await attempt(async () => {
      const found = await this.options.load(null, 1);
      if (reading !== this.reading) return;
      const open = new Set(this.all().filter((row) => row.isOpen).map((row) => this.options.key(row.node)));
      this.rows = found.items.map((node) => this.row(node, []));
      this.total = found.total;
      await this.reopen(this.rows, open, reading);
    });
    if (reading !== this.reading) return worked;
    this.element.removeAttribute("aria-busy");
    this.render();
    return worked;
  }

  private async reopen(rows: TreeRow<Item>[], open: ReadonlySet<string>, reading: number): Promise<void> {
    for (const row of rows) {
      if (reading !== this.reading) return;
      if (!open.has(this.options.key(row.node))) continue;
      await this.fetch(row, 1);
      row.isOpen = true;
      await this.reopen(row.below ?? [], open, reading);
    }
  }

  /** Every row that is loaded, from top to bottom. */
  all(rows: readonly TreeRow<Item>[] = this.rows): TreeRow<Item>[] {
    return rows.flatMap((row) => [row, ...this.all(row.below ?? [])]);
  }

  async unfold(row: TreeRow<Item>): Promise<void> {
    row.isOpen = true;
    if (row.below === null) {
      this.render();
      if (!(await attempt(() => this.fetch(row, 1)))) row.isOpen = false;
    }
    this.render();
  }

  private async fetch(row: TreeRow<Item>, page: number): Promise<void> {
    const found = await this.options.load(row.node, page);
    const fresh = found.items.map((node) => this.row(node, [...row.above, row.node]));
    row.below = page === 1 ? fresh : [...(row.below ?? []), ...fresh];
    row.total = found.total;
  }

  private row(node: Item, above: Item[]): TreeRow<Item> {
    return { node, above, below: null, total: 0, isOpen: false };
  }

  render(): void {
    const hadFocus = this.element.contains(document.activeElement);
    const place = this.element.scrollTop;
    // A tree without rows is no tree to a screen reader.
    this.element.setAttribute("role", this.rows.length === 0 ? "group" : "tree");
    if (this.rows.length === 0) fill(this.element, this.options.empty());
    else fill(this.element, ...this.elements(this.rows), this.moreRow(this.rows, this.total, null));
    const rows = this.items();
    if (!rows.some((row) => row.dataset["key"] === this.focus)) this.focus = rows[0]?.dataset["key"] ?? "";
    for (const row of rows) row.tabIndex = row.dataset["key"] === this.focus ? 0 : -1;
    this.element.scrollTop = place;
    if (hadFocus) rows.find((row) => row.dataset["key"] === this.focus)?.focus({ preventScroll: true });
  }

  private elements(rows: readonly TreeRow<Item>[]): (HTMLElement | null)[] {
    return rows.flatMap((row) => [this.elementOf(row), ...(row.isOpen && row.below !== null
      ? [...this.elements(row.below), this.moreRow(row.below, row.total, row)] : [])]);
  }

  private elementOf(row: TreeRow<Item>): HTMLElement {
    const { key, hasChildren, cells, attributes, onAct } = this.options;
    const isBranch = hasChildren(row.node);
    const depth = row.above.length;
    const name = [...row.above.map(key), key(row.node)].join("/");
    return h("div", { class: `tree-row ${isBranch ? "tree-branch" : "tree-leaf"}`, role: "treeitem",
      "data-key": name, "data-node": key(row.node), "data-depth": Math.min(depth, 8), "aria-level": depth + 1,
      "aria-expanded": isBranch ? String(row.isOpen) : null, "aria-busy": row.isOpen && row.below === null ? "true" : null,
      ...attributes?.(row),
      onclick: () => { this.take(name); onAct?.(row); } },
    isBranch ? h("span", { class: "twist-area", "data-action": "unfold",
      onclick: (event: Event) => { event.stopPropagation(); this.take(name); this.flip(row); } },
    icon(row.isOpen ? "unfold" : "fold", "icon twist")) : null,
    ...cells(row));
  }

  private moreRow(shown: readonly TreeRow<Item>[], total: number, parent: TreeRow<Item> | null): HTMLElement | null {
    const rest = total - shown.length;
    if (rest <= 0) return null;
    const page = Math.floor(shown.length / PAGE) + 1;
    const load = async (): Promise<void> => {
      if (parent !== null) return this.fetch(parent, page);
      const found = await this.options.load(null, page);
      this.rows = [...this.rows, ...found.items.map((node) => this.row(node, []))];
    };
    return h("div", { class: "tree-more", "data-depth": parent === null ? 0 : parent.above.length + 1 },
      h("button", { type: "button", class: "button button-small", "data-action": "more",
        onclick: () => void attempt(load).then(() => this.render()) }, t("tree.more", { count: rest })));
  }

  private items(): HTMLElement[] {
    return [...this.element.querySelectorAll<HTMLElement>("[role=treeitem]")];
  }

  private take(name: string): void {
    this.focus = name;
    for (const row of this.items()) row.tabIndex = row.dataset["key"] === name ? 0 : -1;
  }

  private flip(row: TreeRow<Item>): void {
    if (!row.isOpen) {
      void this.unfold(row);
      return;
    }
    row.isOpen = false;
    this.render();
  }

  private find(element: HTMLElement): TreeRow<Item> | undefined {
    const name = element.dataset["key"];
    return this.all().find((row) => [...row.above.map(this.options.key), this.options.key(row.node)].join("/") === name);
  }

  private onKey(event: KeyboardEvent): void {
    const target = (event.target as HTMLElement).closest<HTMLElement>("[role=treeitem]");
    if (target === null || event.ctrlKey || event.metaKey || event.altKey || event.target !== target) return;
    const row = this.find(target);
    if (row === undefined || !this.act(event.key, row, target)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  private act(key: string, row: TreeRow<Item>, element: HTMLElement): boolean {
    const items = this.items();
    const at = items.indexOf(element);
    const go = (to: HTMLElement | undefined): void => {
      if (to === undefined) return;
      this.take(to.dataset["key"] ?? "");
      to.focus();
    };
    const isBranch = this.options.hasChildren(row.node);
    const acts: Record<string, () => void> = {
      ArrowDown: () => go(items[at + 1]), ArrowUp: () => go(items[at - 1]), Home: () => go(items[0]), End: () => go(items.at(-1)),
      ArrowRight: () => { if (isBranch && !row.isOpen) this.flip(row); else if (isBranch) go(items[at + 1]); },
      ArrowLeft: () => { if (row.isOpen) this.flip(row); else go(items.slice(0, at).findLast((one) =>
        Number(one.getAttribute("aria-level")) < Number(element.getAttribute("aria-level")))); },
      Enter: () => element.click(), " ": () => element.click(),
    };
    const found = acts[key];
    found?.();
    return found !== undefined;
  }
}

/** Children that are read at a time. */
export const PAGE = 100;
