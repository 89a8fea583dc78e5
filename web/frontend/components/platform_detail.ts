/** One upper platform: its head with what can be done, and its tabs. */

import { formatCode } from "../clock";
import { fill, h, icon, iconButton, type IconName } from "../dom";
import { canAdminister, type PageContext } from "../frame";
import { t, type Key } from "../i18n";
import { PlatformApi } from "../platform_api";
import type { FindingPage, Platform } from "../platform_contract";
import { recall, remember } from "../preferences";
import { confirmLoss, openDialog } from "./dialog";
import { PlatformCodes } from "./platform_codes";
import { PlatformPreview, previewStamp, severityBadge, severityCounts } from "./platform_preview";
import { scoreView, stateBadge } from "./platform_score";
import { nextStep } from "./platform_words";
import { SharePicker } from "./share_picker";
import { signallingLadder } from "./signalling_ladder";
import { Tabs, type Tab } from "./tabs";
import { attempt, copyText, toast } from "./toast";

const FINDINGS_SHOWN = 6;

export interface DetailOptions {
  onEdit: (platform: Platform) => void;
  onChanged: () => void;
  onGone: () => void;
  onTab: (name: string) => void;
  onChannel: (code: string) => void;
}

export class PlatformDetail {
  readonly element: HTMLElement;
  private readonly platforms: PlatformApi;
  private readonly head = h("header", { class: "upper-head" });
  private readonly step = h("div", { class: "upper-step" });
  private readonly score = h("div", {});
  private readonly tabs: Tabs;
  private readonly mayChange: boolean;
  private share: SharePicker | null = null;
  private codes: PlatformCodes | null = null;
  private preview: PlatformPreview | null = null;

  constructor(private readonly context: PageContext, private platform: Platform, private readonly options: DetailOptions, tab: string) {
    this.platforms = new PlatformApi(context.api);
    this.mayChange = canAdminister(context.session);
    this.tabs = new Tabs(t("platform.parts"), this.parts(), options.onTab);
    this.element = h("section", { class: "upper-detail", "data-platform": platform.id, "aria-label": platform.name },
      this.head, this.step, this.tabs.element);
    this.show(platform);
    this.tabs.choose(tab);
  }

  get id(): string {
    return this.platform.id;
  }

  /** Fresh figures of the same platform: what is typed in the tabs stays. */
  show(platform: Platform): void {
    this.platform = platform;
    this.element.dataset["enabled"] = String(platform.is_enabled);
    this.renderHead();
    fill(this.score, scoreView(platform));
  }

  /** What it sees is not what it was. */
  shareChanged(): void {
    void this.share?.refresh();
    void this.preview?.read();
  }

  /** One line per part; a further one is added here. */
  private parts(): Tab[] {
    const { api } = this.context;
    const { id } = this;
    const changed = (): void => { void this.preview?.read(); this.options.onChanged(); };
    return [
      { name: "overview", title: t("platform.tab.overview"), make: () => this.score },
      { name: "share", title: t("platform.tab.share"),
        make: () => (this.share = new SharePicker(api, id, this.mayChange, changed)).element },
      { name: "codes", title: t("platform.tab.codes"),
        make: () => (this.codes = new PlatformCodes(api, id, this.mayChange, changed)).element,
        onShow: () => void this.codes?.read() },
      { name: "preview", title: t("platform.tab.preview"),
        make: () => (this.preview = new PlatformPreview(api, id, {
          onChannel: this.options.onChannel, onSeen: (stamp) => { remember(seenKey(id), stamp); this.renderHead(); } })).element,
        onShow: () => void this.preview?.read() },
      { name: "signalling", title: t("sip.title"),
        make: () => signallingLadder(api, { path: `/platforms/${id}/sip`, kind: "platform", name: this.platform.name }) },
    ];
  }

  private get seen(): string {
    return recall(seenKey(this.id), "", (value): value is string => typeof value === "string");
  }

  // Head

  /** Only where it says something else: a button that has the focus keeps it. */
  private renderHead(): void {
    const { platform } = this;
    const { errors, warnings, name, is_enabled: isEnabled, scorecard, channels } = platform;
    const shown = JSON.stringify([name, isEnabled, scorecard.state, scorecard.failure, errors, warnings, channels, this.seen]);
    if (this.head.dataset["shows"] === shown) return;
    this.head.dataset["shows"] = shown;
    fill(this.head,
      h("div", { class: "upper-title" }, h("h2", {}, platform.name), stateBadge(platform),
        h("span", { class: "quiet" }, h("code", { title: formatCode(platform.id) }, platform.id),
          iconButton("copy", t("common.copy_of", { what: t("platform.id") }), () => void copyText(platform.id))),
        errors + warnings > 0 ? h("button", { type: "button", class: "link", "data-action": "to-findings",
          onclick: () => this.tabs.choose("preview") }, severityCounts({ errors, warnings, notes: 0 })) : null),
      this.mayChange ? this.acts() : null);
    this.renderStep();
  }

  private acts(): HTMLElement {
    const { is_enabled: isEnabled } = this.platform;
    const act = (name: string, sign: IconName, label: string, run: () => void, isOff = false): HTMLElement =>
      h("button", { type: "button", class: "button button-small", "data-action": name, onclick: run, disabled: isOff }, icon(sign), label);
    const box = h("input", { type: "checkbox", role: "switch", checked: isEnabled, "data-action": "enable" });
    box.addEventListener("change", () => {
      const wanted = box.checked;
      // The switch shows what is, not what was wished.
      box.checked = isEnabled;
      void (wanted ? this.enable() : this.disable());
    });
    return h("div", { class: "upper-acts" },
      h("label", { class: "switch" }, box, h("span", {}, t("platform.enabled"))),
      act("edit-platform", "edit", t("platform.edit"), () => this.options.onEdit(this.platform)),
      act("register-now", "refresh", t("platform.register_now"), () => void this.register(), !isEnabled),
      act("delete-platform", "trash", t("platform.delete"), () => void this.remove()));
  }

  private renderStep(): void {
    const next = this.mayChange ? nextStep(this.platform, this.seen !== "") : null;
    this.step.hidden = next === null;
    if (next === null || this.step.dataset["step"] === next) return;
    this.step.dataset["step"] = next;
    const go = (): void => { if (next === "enable") void this.enable(); else this.tabs.choose(next); };
    fill(this.step, icon("next"), h("span", {}, t(`platform.next.${next}` as Key)),
      h("button", { type: "button", class: "button button-small button-primary", "data-action": "next-step", onclick: go },
        t(`platform.next_go.${next}` as Key)));
  }

  // Acts

  /** On, when what it will see was looked at; asks once where the upper would reject something. */
  private async enable(): Promise<void> {
    await attempt(async () => {
      const [preview, lint] = await Promise.all([
        this.platforms.preview(this.id, { size: 1 }), this.platforms.findings(this.id, { size: FINDINGS_SHOWN })]);
      if (this.seen !== previewStamp(preview, lint)) {
        this.tabs.choose("preview");
        toast(t("platform.look_first"));
        return;
      }
      if (lint.errors > 0) await this.enableNevertheless(lint);
      else await this.switchOn(lint);
    });
  }

  private async switchOn(lint: FindingPage): Promise<void> {
    this.took(await this.platforms.change(this.id, { is_enabled: true }));
    toast(t("platform.enabled_done", { warnings: lint.warnings }));
  }

  private enableNevertheless(lint: FindingPage): Promise<boolean> {
    return openDialog({
      title: t("platform.enable_title", { name: this.platform.name }),
      name: "enable",
      body: [h("p", {}, t("platform.enable_text", { errors: lint.errors })), severityCounts(lint),
        h("ul", { class: "plain-list" }, ...lint.items.map((finding) => h("li", {}, severityBadge(finding.severity), " ",
          finding.title, finding.name === null ? null : h("span", { class: "quiet" }, ` ${finding.name}`))))],
      action: { label: t("platform.enable_anyway"), tone: "danger", run: () => this.switchOn(lint) },
    });
  }

  private disable(): Promise<boolean> {
    const { streams } = this.platform.scorecard;
    const run = async (): Promise<void> => { this.took(await this.platforms.change(this.id, { is_enabled: false })); };
    if (streams === 0) return attempt(run, t("platform.disabled_done"));
    return confirmLoss({ title: t("platform.disable_title", { name: this.platform.name }), intro: t("platform.disable_text"),
      lost: [t("platform.lost_streams", { streams })], action: t("platform.disable"), run });
  }

  private async register(): Promise<void> {
    await attempt(async () => this.took(await this.platforms.register(this.id)), t("platform.registering_now"));
  }

  private async remove(): Promise<void> {
    const { name, channels, scorecard } = this.platform;
    const gone = await confirmLoss({
      title: t("platform.delete_title", { name }),
      lost: [t("platform.lost_registration"),
        ...(channels > 0 ? [t("platform.lost_share", { channels }), t("platform.lost_codes")] : []),
        ...(scorecard.streams > 0 ? [t("platform.lost_streams", { streams: scorecard.streams })] : [])],
      kept: t("platform.delete_kept"), action: t("platform.delete"), run: () => this.platforms.remove(this.id),
    });
    if (gone) this.options.onGone();
  }

  private took(platform: Platform): void {
    this.show(platform);
    this.options.onChanged();
  }
}

function seenKey(id: string): string {
  return `platform-seen.${id}`;
}
