/** Under which codes an upper platform sees our things: rules by prefix, single codes, a table to take along. */

import type { Api } from "../api";
import { fill, h, icon, iconButton } from "../dom";
import { t, tServer } from "../i18n";
import { PlatformApi } from "../platform_api";
import type { CodeLine, CodePage, PrefixRule } from "../platform_contract";
import { CodeField } from "./code_field";
import { openDialog } from "./dialog";
import { attempt, toast } from "./toast";

const SIZE = 50;
const TYPING_MS = 250;
const SOURCES = ["own", "given", "rule", "made"] as const;
const COLUMNS = ["codes.name", "codes.ours", "codes.theirs", "codes.why"] as const;
const BAD_SHOWN = 20;

export class PlatformCodes {
  readonly element: HTMLElement;
  private readonly platforms: PlatformApi;
  private readonly rules = h("div", { class: "code-rules" });
  private readonly body = h("tbody");
  private readonly pager = h("div", { class: "pager" });
  private readonly imported = h("div", { class: "import-result", "aria-live": "polite" });
  private readonly search: HTMLInputElement;
  private readonly source: HTMLSelectElement;
  private rows: { row: HTMLElement; ours: HTMLInputElement; theirs: HTMLInputElement }[] = [];
  private page = 1;
  private timer = 0;

  constructor(api: Api, private readonly id: string, private readonly mayChange: boolean, private readonly onChanged: () => void) {
    this.platforms = new PlatformApi(api);
    this.search = h("input", { type: "search", name: "code-search", placeholder: t("filter.search"), "aria-label": t("filter.search"),
      oninput: () => { window.clearTimeout(this.timer); this.timer = window.setTimeout(() => this.look(1), TYPING_MS); } });
    this.source = h("select", { name: "code-source", "aria-label": t("codes.source"), onchange: () => this.look(1) },
      h("option", { value: "" }, t("codes.all")),
      ...SOURCES.map((source) => h("option", { value: source }, tServer("codes.source", source))));
    this.element = h("div", { class: "codes" },
      h("section", { class: "panel code-rule-panel" }, h("h3", {}, t("codes.rules")),
        h("p", { class: "quiet" }, t("codes.rules_text")), this.rules),
      h("section", { class: "panel code-list" },
        h("div", { class: "panel-head" }, h("h3", {}, t("codes.list")),
          h("span", { class: "search-box" }, icon("search"), this.search), this.source, ...this.fileTools()),
        this.imported,
        h("div", { class: "table-box" }, h("div", { class: "table-scroll", tabindex: "0", role: "group", "aria-label": t("codes.list") },
          h("table", { class: "table", "data-table": "codes", "aria-label": t("codes.list") },
            h("thead", {}, h("tr", {}, ...COLUMNS.map((column) => h("th", { scope: "col" }, t(column))))), this.body)), this.pager)));
    void this.read();
  }

  async read(): Promise<void> {
    await attempt(async () => {
      const found = await this.fetch();
      this.show(found);
      this.showRules(found.rules);
    });
  }

  private fetch(): Promise<CodePage> {
    return this.platforms.codes(this.id, { q: this.search.value.trim(), source: this.source.value || null, page: this.page, size: SIZE });
  }

  private look(page: number): void {
    this.page = page;
    void attempt(async () => this.show(await this.fetch()));
  }

  // Rules

  private showRules(rules: PrefixRule[]): void {
    this.rows = [];
    const list = h("div", { class: "stack-small" });
    const add = (rule: PrefixRule): void => { list.append(this.ruleRow(rule)); };
    for (const rule of rules) add(rule);
    fill(this.rules, list, rules.length === 0 ? h("p", { class: "quiet" }, t("codes.no_rules")) : null,
      this.mayChange ? h("div", { class: "button-row" },
        h("button", { type: "button", class: "button button-small", "data-action": "add-rule",
          onclick: () => { add({ ours: "", theirs: "" }); this.rows.at(-1)?.ours.focus(); } }, icon("plus"), t("codes.add_rule")),
        h("button", { type: "button", class: "button button-small button-primary", "data-action": "save-rules",
          onclick: () => void this.saveRules() }, t("codes.save_rules"))) : null);
  }

  private ruleRow(rule: PrefixRule): HTMLElement {
    const digits = (name: string, value: string, label: string): HTMLInputElement => h("input", { name, value, "aria-label": label,
      pattern: "[0-9]{1,20}", maxlength: "20", inputmode: "numeric", autocomplete: "off", disabled: !this.mayChange });
    const ours = digits("rule-ours", rule.ours, t("codes.ours"));
    const theirs = digits("rule-theirs", rule.theirs, t("codes.theirs"));
    const fault = h("span", { class: "code-words", "data-tone": "bad", role: "status" });
    const check = (): void => { fault.textContent = ruleFault(ours.value.trim(), theirs.value.trim()); };
    ours.addEventListener("input", check);
    theirs.addEventListener("input", check);
    const row = h("div", { class: "code-rule" }, ours, h("span", { "aria-hidden": "true" }, "→"), theirs,
      this.mayChange ? iconButton("trash", t("codes.remove_rule"), () => {
        this.rows = this.rows.filter((one) => one.row !== row);
        row.remove();
      }) : null, fault);
    this.rows.push({ row, ours, theirs });
    return row;
  }

  private async saveRules(): Promise<void> {
    const rules = this.rows.map(({ ours, theirs }) => ({ ours: ours.value.trim(), theirs: theirs.value.trim() }));
    const fault = rules.map((rule) => ruleFault(rule.ours, rule.theirs)).find((words) => words !== "");
    if (fault !== undefined) {
      toast(fault, "bad");
      return;
    }
    await attempt(async () => {
      await this.platforms.setRules(this.id, rules);
      await this.read();
      this.onChanged();
    }, t("codes.rules_saved"));
  }

  // Single codes

  private show(found: CodePage): void {
    fill(this.body, ...found.items.map((line) => this.line(line)),
      found.items.length === 0 ? h("tr", {}, h("td", { colspan: "4", class: "table-empty quiet" }, t("codes.none"))) : null);
    const pages = Math.max(1, Math.ceil(found.total / SIZE));
    fill(this.pager, h("span", { class: "quiet" }, t("table.total", { total: found.total })),
      pages === 1 ? null : h("span", { class: "pager-steps" },
        iconButton("previous", t("table.previous"), () => this.look(this.page - 1), { disabled: this.page <= 1 }),
        h("span", {}, `${this.page} / ${pages}`),
        iconButton("next", t("table.next"), () => this.look(this.page + 1), { disabled: this.page >= pages })));
  }

  private line(line: CodeLine): HTMLElement {
    const cell = (title: typeof COLUMNS[number], ...content: (Node | string | null)[]): HTMLElement =>
      h("td", { "data-title": t(title) }, ...content);
    return h("tr", { "data-code": line.ours },
      cell("codes.name", line.name || "—"), cell("codes.ours", h("code", { class: "quiet" }, line.ours)),
      cell("codes.theirs", h("code", { class: line.ours === line.theirs ? "quiet" : "" }, line.theirs),
        this.mayChange ? iconButton("edit", t("codes.edit_of", { name: line.name || line.ours }), () => void this.edit(line)) : null),
      cell("codes.why", tServer("codes.source", line.source)));
  }

  private async edit(line: CodeLine): Promise<void> {
    const code = new CodeField(t("codes.theirs"), { name: "theirs", value: line.theirs, hint: t("codes.theirs_hint"),
      isOptional: true, type: "" });
    const done = await openDialog({
      title: t("codes.edit_title", { name: line.name || line.ours }), name: "code",
      body: [h("p", { class: "quiet" }, t("codes.ours"), " ", h("code", {}, line.ours)), code.element],
      action: { label: t("common.save"), run: () => this.platforms.giveCode(this.id, line.ours, code.value === "" ? null : code.value) },
    });
    if (!done) return;
    this.look(this.page);
    this.onChanged();
  }

  // The table to take along

  private fileTools(): HTMLElement[] {
    const taken = h("a", { class: "button button-small", href: `/api/v1/platforms/${this.id}/codes.csv`, download: true,
      "data-action": "export-codes" }, icon("download"), t("codes.export"));
    if (!this.mayChange) return [taken];
    const file = h("input", { type: "file", accept: ".csv,text/csv", hidden: true, "data-action": "codes-file", "aria-label": t("codes.import") });
    file.addEventListener("change", () => {
      const chosen = file.files?.[0];
      file.value = "";
      if (chosen !== undefined) void attempt(() => this.bringIn(chosen));
    });
    return [taken, h("button", { type: "button", class: "button button-small", "data-action": "import-codes",
      onclick: () => file.click() }, icon("plus"), t("codes.import")), file];
  }

  private async bringIn(file: Blob): Promise<void> {
    const { lines, is_taken: isTaken, bad } = await this.platforms.importCodes(this.id, file);
    if (isTaken) {
      fill(this.imported);
      toast(t("codes.imported", { lines }));
      await this.read();
      this.onChanged();
      return;
    }
    fill(this.imported, h("p", { class: "notice" }, t("codes.not_imported", { bad: bad.length })),
      h("ul", { class: "plain-list" }, ...bad.slice(0, BAD_SHOWN).map((one) => h("li", {},
        h("b", {}, t("codes.line", { line: one.line })), " ", one.detail, " ", h("code", { class: "quiet" }, one.text)))));
  }
}

/** Why a rule cannot be; empty when it can. */
export function ruleFault(ours: string, theirs: string): string {
  if (!/^\d{1,20}$/.test(ours) || !/^\d{1,20}$/.test(theirs)) return t("codes.rule_digits");
  return ours.length === theirs.length ? "" : t("codes.rule_length", { ours: ours.length, theirs: theirs.length });
}
