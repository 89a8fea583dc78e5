/** The table: pages from the server, filters in the URL, columns chosen and remembered. */

import type { Page } from "../contract";
import type { Query } from "../api";
import { fill, h, icon, iconButton } from "../dom";
import { t, type Key } from "../i18n";
import { isStringList, recall, remember } from "../preferences";
import { openDialog } from "./dialog";
import { attempt } from "./toast";

const PAGE_SIZE = 50;

export interface Column<Row> {
  name: string;
  title: Key;
  cell: (row: Row) => Node | string | number | null;
  /** Not shown until somebody chooses it. */
  isExtra?: boolean;
  /** Cannot be hidden. */
  isFixed?: boolean;
}

export interface TableOptions<Row> {
  name: string;
  label: string;
  columns: Column<Row>[];
  key: (row: Row) => string;
  load: (query: Query) => Promise<Page<Row>>;
  empty: () => HTMLElement;
  onRow?: (row: Row) => void;
}

export class Table<Row> {
  readonly element: HTMLElement;
  readonly columnsButton: HTMLButtonElement;
  private readonly head = h("tr");
  private readonly body = h("tbody");
  private readonly pager = h("nav", { class: "pager", "aria-label": t("table.pages") });
  private hidden: Set<string>;
  private rows: Row[] = [];
  private total = 0;
  private reading = 0;

  constructor(private readonly options: TableOptions<Row>) {
    const extras = options.columns.filter((column) => column.isExtra).map((column) => column.name);
    this.hidden = new Set(recall(`columns.${options.name}`, extras, isStringList).filter((n) => n !== null));
    this.element = h("div", { class: "table-box" },
      h("div", { class: "table-scroll" },
        h("table", { class: "table", "data-table": options.name, "aria-label": options.label },
          h("thead", {}, this.head), this.body)),
      this.pager);
    this.columnsButton = iconButton("layout9", t("table.columns"), () => void this.chooseColumns());
  }

  /** The filters of this view, as the URL has them. */
  query(): Query {
    return Object.fromEntries(new URLSearchParams(location.search));
  }

  /** Change filters; the address shows the same view to whoever gets the link. */
  async filter(change: Query): Promise<void> {
    const query = { ...this.query(), page: null, ...change };
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
    }
    const text = parameters.toString();
    history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
    await this.reload();
  }

  /** Read the page again; an answer that was overtaken is dropped. */
  async reload(): Promise<void> {
    this.reading += 1;
    const reading = this.reading;
    this.element.setAttribute("aria-busy", "true");
    await attempt(async () => {
      const page = await this.options.load({ size: PAGE_SIZE, ...this.query() });
      if (reading !== this.reading) return;
      this.rows = page.items;
      this.total = page.total;
      this.render();
    });
    if (reading === this.reading) this.element.removeAttribute("aria-busy");
  }

  private shown(): Column<Row>[] {
    return this.options.columns.filter((column) => column.isFixed || !this.hidden.has(column.name));
  }

  private render(): void {
    const columns = this.shown();
    fill(this.head, ...columns.map((column) => h("th", { scope: "col", "data-column": column.name }, t(column.title))));
    if (this.rows.length === 0) {
      fill(this.body, h("tr", {}, h("td", { colspan: columns.length, class: "table-empty" }, this.options.empty())));
    } else {
      fill(this.body, ...this.rows.map((row) => this.row(row, columns)));
    }
    this.renderPager();
  }

  private row(row: Row, columns: Column<Row>[]): HTMLElement {
    const { onRow } = this.options;
    const cells = columns.map((column) => {
      const content = column.cell(row);
      return h("td", { "data-column": column.name, "data-title": t(column.title) },
        content instanceof Node ? content : String(content ?? "—"));
    });
    const line = h("tr", { "data-row": this.options.key(row) }, ...cells);
    if (onRow !== undefined) {
      line.classList.add("table-clickable");
      line.addEventListener("click", (event) => {
        if (!(event.target as Element).closest("button, a, input")) onRow(row);
      });
    }
    return line;
  }

  private renderPager(): void {
    const page = Number(this.query()["page"] ?? 1);
    const pages = Math.max(1, Math.ceil(this.total / PAGE_SIZE));
    fill(this.pager,
      h("span", { class: "quiet", "data-total": this.total }, t("table.total", { total: this.total })),
      pages === 1 ? null : h("span", { class: "pager-steps" },
        iconButton("fold", t("table.previous"), () => void this.filter({ page: page - 1 }),
          { disabled: page <= 1, class: "icon-button flipped" }),
        h("span", {}, `${page} / ${pages}`),
        iconButton("fold", t("table.next"), () => void this.filter({ page: page + 1 }),
          { disabled: page >= pages })));
  }

  private async chooseColumns(): Promise<void> {
    const boxes = this.options.columns.filter((column) => !column.isFixed).map((column) => {
      const box = h("input", { type: "checkbox", name: column.name, checked: !this.hidden.has(column.name) });
      return { column, box };
    });
    const chosen = await openDialog({
      title: t("table.columns"),
      name: "columns",
      body: boxes.map(({ column, box }) => h("label", { class: "switch" }, box, h("span", {}, t(column.title)))),
      action: { label: t("common.save"), run: () => Promise.resolve() },
    });
    if (!chosen) return;
    this.hidden = new Set(boxes.filter(({ box }) => !box.checked).map(({ column }) => column.name));
    remember(`columns.${this.options.name}`, [...this.hidden]);
    this.render();
  }
}

/** A search field and an online filter, kept in the URL. */
export function filterBar<Row>(table: Table<Row>, extra: HTMLElement[] = []): HTMLElement {
  const query = table.query();
  const search = h("input", { type: "search", name: "q", value: String(query["q"] ?? ""),
    placeholder: t("filter.search"), "aria-label": t("filter.search") });
  const online = h("select", { name: "online", "aria-label": t("filter.online") },
    ...(["", "true", "false"] as const).map((value) => h("option", {
      value, selected: String(query["online"] ?? "") === value },
    t(value === "" ? "filter.all" : value === "true" ? "filter.on" : "filter.off"))));
  let timer = 0;
  search.addEventListener("input", () => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void table.filter({ q: search.value.trim() }), 300);
  });
  online.addEventListener("change", () => void table.filter({ online: online.value }));
  return h("div", { class: "filter-bar" },
    h("span", { class: "search-box" }, icon("search"), search), online, ...extra, table.columnsButton);
}

