/** What an upper platform will see: its tree with names and codes, and what is odd about them. */

import type { Api } from "../api";
import { formatCode } from "../clock";
import { fill, h, icon, type IconName } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { PlatformApi } from "../platform_api";
import type { Finding, FindingPage, PreviewNode, PreviewPage, Severity } from "../platform_contract";
import { kindOfCode } from "./code_parts";
import { LazyTree, PAGE, type TreeRow } from "./lazy_tree";
import { attempt } from "./toast";
import { verdictCard } from "./verdict";

const TYPING_MS = 250;
const FINDINGS = 50;
const SIGN: Record<Severity, IconName> = { error: "level-1", warning: "level-3", note: "level-4" };
const ORDER: Severity[] = ["error", "warning", "note"];
const KINDS: Record<string, IconName> = { channel: "camera", device: "device", system: "cascade" };

/** One word and shape per severity. */
export function severityBadge(severity: Severity, count?: number): HTMLElement {
  return h("span", { class: `severity severity-${severity}`, "data-severity": severity }, icon(SIGN[severity]),
    count === undefined ? t(`platform.severity.${severity}` as Key)
      : t("platform.severity_count", { word: t(`platform.severity.${severity}` as Key), count }));
}

/** How many there are of each; "nothing found" when there are none. */
export function severityCounts({ errors, warnings, notes }: Pick<FindingPage, "errors" | "warnings" | "notes">): HTMLElement {
  const counts: Record<Severity, number> = { error: errors, warning: warnings, note: notes };
  const shown = ORDER.filter((severity) => counts[severity] > 0);
  return h("span", { class: "severities" }, ...shown.map((severity) => severityBadge(severity, counts[severity])),
    shown.length === 0 ? h("span", { class: "outcome outcome-ok" }, icon("check"), t("platform.lint_clean")) : null);
}

/** What was looked at, so that a later catalogue is not taken for it. */
export function previewStamp(preview: Pick<PreviewPage, "items_total" | "channels_total">, lint: Pick<FindingPage, "errors" | "warnings">): string {
  return [preview.items_total, preview.channels_total, lint.errors, lint.warnings].join("/");
}

export class PlatformPreview {
  readonly element: HTMLElement;
  private readonly platforms: PlatformApi;
  private readonly tree: LazyTree<PreviewNode>;
  private readonly head = h("div", { class: "preview-head", "aria-live": "polite" });
  private readonly list = h("ul", { class: "plain-list findings" });
  private readonly filter: HTMLSelectElement;
  private readonly search: HTMLInputElement;
  private timer = 0;
  private page = 1;
  private isReading = false;

  constructor(
    api: Api, private readonly id: string,
    private readonly options: { onChannel: (code: string) => void; onSeen: (stamp: string) => void },
  ) {
    this.platforms = new PlatformApi(api);
    this.tree = new LazyTree<PreviewNode>({
      label: t("preview.tree"), key: (node) => node.code, hasChildren: (node) => node.has_children,
      load: (parent, page) => this.platforms.preview(id, { node: parent?.code ?? "", q: this.search.value.trim(), page, size: PAGE }),
      cells: (row) => this.cells(row), attributes: (row) => ({ "data-kind": row.node.kind, title: titleOf(row.node) }),
      empty: () => verdictCard({ tone: "quiet", title: t("preview.empty"), text: t("preview.empty_text") }),
    });
    this.search = h("input", { type: "search", name: "preview-search", placeholder: t("filter.search"),
      "aria-label": t("filter.search"), oninput: () => {
        window.clearTimeout(this.timer);
        this.timer = window.setTimeout(() => void this.tree.reload(), TYPING_MS);
      } });
    this.filter = h("select", { name: "severity", "aria-label": t("preview.severity_filter"),
      onchange: () => { this.page = 1; void attempt(() => this.readFindings()); } },
    h("option", { value: "" }, t("preview.all_findings")),
    ...ORDER.map((severity) => h("option", { value: severity }, t(`platform.severity.${severity}` as Key))));
    this.element = h("div", { class: "preview" }, this.head,
      h("section", { class: "preview-part" },
        h("div", { class: "panel-head" }, h("h3", {}, t("preview.tree")),
          h("span", { class: "search-box" }, icon("search"), this.search)),
        this.tree.element),
      h("section", { class: "preview-part" },
        h("div", { class: "panel-head" }, h("h3", {}, t("preview.findings")), this.filter), this.list));
    void this.read();
  }

  /** Read tree and findings anew; what nobody looks at is read when it is shown, and not seen before. */
  async read(): Promise<void> {
    const isHidden = this.element.isConnected && this.element.offsetParent === null;
    if (this.isReading || isHidden) return;
    this.isReading = true;
    await attempt(async () => {
      const [preview, lint] = await Promise.all([
        this.platforms.preview(this.id, { size: 1 }), this.readFindings(), this.tree.reload()]);
      fill(this.head, h("p", {}, t("preview.totals", { items: preview.items_total, channels: preview.channels_total })),
        severityCounts(lint), h("p", { class: "quiet" }, t("preview.text")));
      this.element.dataset["seen"] = previewStamp(preview, lint);
      this.options.onSeen(previewStamp(preview, lint));
    });
    this.isReading = false;
  }

  private cells({ node }: TreeRow<PreviewNode>): (Node | null)[] {
    const worst = ORDER.find((severity) => node.findings.some((finding) => finding.severity === severity));
    return [
      icon(KINDS[node.kind] ?? "folder"),
      h("span", { class: "tree-name" }, node.name),
      worst === undefined ? null : h("span", { class: `severity severity-${worst}`, title: node.findings.map((one) => one.title).join("\n") },
        icon(SIGN[worst]), h("span", { class: "offscreen" }, t(`platform.severity.${worst}` as Key))),
      h("code", { class: "tree-code" }, node.code),
      node.kind === "channel" ? h("span", { class: `dot state-${node.status_on ? "on" : "off"}` },
        icon(node.status_on ? "dot-on" : "dot-off"),
        h("span", { class: "offscreen" }, t(node.status_on ? "presence.online" : "presence.offline")))
        : h("span", { class: "tree-count" }, node.channels),
    ];
  }

  private async readFindings(): Promise<FindingPage> {
    const found = await this.platforms.findings(this.id,
      { severity: this.filter.value || null, page: this.page, size: FINDINGS });
    const rest = found.total - this.page * FINDINGS;
    fill(this.list, ...found.items.map((finding) => this.finding(finding)),
      found.total === 0 ? h("li", { class: "quiet pad" }, t("platform.lint_clean")) : null,
      rest > 0 || this.page > 1 ? h("li", { class: "button-row" }, ...([-1, 1] as const).map((step) =>
        h("button", { type: "button", class: "button button-small", disabled: step < 0 ? this.page === 1 : rest <= 0,
          onclick: () => { this.page += step; void attempt(() => this.readFindings()); } },
        t(step < 0 ? "table.previous" : "table.next")))) : null);
    return found;
  }

  private finding(finding: Finding): HTMLElement {
    const { source, code, name, detail } = finding;
    return h("li", { class: "finding", "data-rule": finding.rule, "data-severity": finding.severity },
      severityBadge(finding.severity),
      h("div", { class: "finding-words" },
        h("p", {}, h("b", {}, finding.title), detail ? h("span", { class: "quiet" }, ` ${detail}`) : null),
        code === null && name === null ? null : h("p", {}, name === code ? "" : name ?? "", " ", code === null ? null : h("code", { class: "quiet", title: formatCode(code) }, code)),
        h("p", { class: "quiet" }, finding.hint)),
      source === null ? null : this.way(source));
  }

  /** To where it can be mended. */
  private way(source: string): HTMLElement | null {
    const kind = kindOfCode(source);
    if (kind === "device") return h("a", { class: "button button-small", href: `/devices?device=${source}` }, t("preview.to_device"));
    if (kind !== "channel") return null;
    return h("button", { type: "button", class: "button button-small", "data-action": "to-channel",
      onclick: () => this.options.onChannel(source) }, t("preview.to_channel"));
  }
}

function titleOf(node: PreviewNode): string {
  return [`${tServer("platform.kind", node.kind)} ${formatCode(node.code)}`,
    node.civil_code === null ? "" : t("preview.civil_code", { code: node.civil_code }),
    node.parent_ids.length === 0 ? t("preview.no_parent") : t("preview.parents", { codes: node.parent_ids.join(" / ") }),
    ...node.findings.map((finding) => `${t(`platform.severity.${finding.severity}` as Key)}: ${finding.title}`),
  ].filter((line) => line !== "").join("\n");
}
