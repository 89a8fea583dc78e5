/** The quirk table: what makers do differently, and from where that is known; one's own rows win. */

import type { Api } from "../api";
import type { QuirkLine, QuirkTable } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { confirmLoss, field, openDialog } from "./dialog";
import { attempt } from "./toast";

const TEXTS = ["maker", "model", "firmware_from", "firmware_to", "value", "evidence"] as const;
const LABELS: Record<(typeof TEXTS)[number], Key> = {
  maker: "quirks.maker", model: "quirks.model", firmware_from: "quirks.firmware_from",
  firmware_to: "quirks.firmware_to", value: "quirks.value", evidence: "quirks.evidence",
};
const NEEDED = new Set<string>(["value", "evidence"]);
const LONGEST = "512";

/** The panel; reads the table once and again after each change. */
export function quirkPanel(api: Api, mayChange: boolean): HTMLElement {
  const body = h("tbody");
  const bad = h("ul", { class: "notice", hidden: true });
  const add = h("button", { type: "button", class: "button button-small", "data-action": "add-quirk",
    onclick: () => void addRow() }, icon("plus"), t("quirks.add"));
  let rows: QuirkLine[] = [];

  async function change(wanted: QuirkLine[]): Promise<void> {
    show(await api.replaceQuirks(wanted.filter((row) => !row.builtin)));
  }

  async function addRow(): Promise<void> {
    const kinds = [...new Set(rows.map((row) => row.quirk))].sort();
    const quirk = h("select", { name: "quirk" },
      ...kinds.map((kind) => h("option", { value: kind }, tServer("quirk", kind))));
    const inputs = TEXTS.map((name) => h("input", { name, maxlength: LONGEST, autocomplete: "off",
      ...(NEEDED.has(name) ? { required: true } : {}) }));
    await openDialog({
      title: t("quirks.add"),
      name: "add-quirk",
      body: [field(t("quirks.quirk"), quirk),
        ...TEXTS.map((name, place) => field(t(LABELS[name]), inputs[place] as HTMLElement,
          name === "maker" ? t("quirks.maker_hint") : name === "model" ? t("quirks.model_hint") : ""))],
      action: {
        label: t("common.save"),
        run: () => {
          const typed = Object.fromEntries(TEXTS.map((name, place) => [name, inputs[place]?.value.trim() ?? ""]));
          return change([...rows, { ...typed, quirk: quirk.value, builtin: false } as QuirkLine]);
        },
      },
    });
  }

  function remove(row: QuirkLine): void {
    void confirmLoss({
      title: t("quirks.remove"), lost: [`${row.maker} ${row.model} · ${tServer("quirk", row.quirk)} = ${row.value}`],
      action: t("quirks.remove"), run: () => change(rows.filter((other) => other !== row)),
    });
  }

  function show(table: QuirkTable): void {
    rows = table.items;
    fill(bad, ...table.bad.map((each) => h("li", {}, t("quirks.bad_line", { line: each.line, reason: each.reason }))));
    bad.hidden = table.bad.length === 0;
    fill(body, ...rows.map((row) => h("tr", { "data-builtin": String(row.builtin) },
      h("td", {}, row.maker || t("quirks.all")),
      h("td", {}, row.model || t("quirks.all")),
      h("td", {}, [row.firmware_from, row.firmware_to].some(Boolean)
        ? `${row.firmware_from || "…"} – ${row.firmware_to || "…"}` : t("quirks.all")),
      h("td", {}, tServer("quirk", row.quirk)),
      h("td", {}, h("code", {}, row.value)),
      h("td", { class: "quirk-evidence" }, row.evidence),
      h("td", {}, row.builtin ? t("quirks.builtin")
        : mayChange ? iconButton("trash", t("quirks.remove"), () => remove(row)) : t("quirks.own")))));
  }

  const heads: Key[] = ["quirks.maker", "quirks.model", "quirks.firmware", "quirks.quirk", "quirks.value",
    "quirks.evidence", "quirks.source"];
  const element = h("section", { class: "panel", "data-panel": "quirks" },
    h("header", { class: "panel-head" }, h("h2", {}, t("quirks.title")), mayChange ? add : null),
    h("p", { class: "quiet" }, t("quirks.text")),
    bad,
    h("div", { class: "table-scroll" },
      h("table", { class: "table", "aria-label": t("quirks.title") },
        h("thead", {}, h("tr", {}, ...heads.map((head) => h("th", { scope: "col" }, t(head))))), body)));
  void attempt(async () => show(await api.quirks()));
  return element;
}
