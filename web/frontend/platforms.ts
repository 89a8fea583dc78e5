/** Upper platforms: where we register as the lower one, what they see, and how it goes with each. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/access.css";
import "./styles/alarms.css";
import "./styles/drawer.css";
import "./styles/wall.css";
import "./styles/tree.css";
import "./styles/voice.css";
import "./styles/platforms.css";
import "./styles/signalling.css";
import { CHANNEL_EVENTS, ChannelDrawer } from "./components/channel_drawer";
import { PlatformDetail } from "./components/platform_detail";
import { editPlatform } from "./components/platform_form";
import { PlatformList } from "./components/platform_list";
import { attempt } from "./components/toast";
import { fill, h, icon, need } from "./dom";
import { canAdminister, startPage, type PageContext } from "./frame";
import { t } from "./i18n";
import { PlatformApi } from "./platform_api";
import type { Platform } from "./platform_contract";

const RELOAD_WAIT_MS = 300;
const SHARE_WAIT_MS = 1_500;
/** Figures move without an event. */
const FIGURES_EVERY_MS = 4_000;

class PlatformsPage {
  private readonly platforms: PlatformApi;
  private readonly channels: ChannelDrawer;
  private readonly list: PlatformList;
  private readonly place = h("div", { class: "upper-place" });
  private detail: PlatformDetail | null = null;
  private chosen: string | null;
  private tab: string;
  private ownId = "";
  private reading = 0;
  private shareTimer = 0;

  constructor(private readonly context: PageContext) {
    this.platforms = new PlatformApi(context.api);
    this.channels = new ChannelDrawer(context);
    this.list = new PlatformList((id) => this.choose(id), () => this.addButton());
    const query = new URLSearchParams(location.search);
    this.chosen = query.get("platform");
    this.tab = query.get("tab") ?? "overview";
    fill(need("#page"),
      h("header", { class: "page-head" }, h("h1", {}, t("nav.platforms")), this.addButton()),
      h("div", { class: "uppers" }, this.list.element, this.place));
  }

  async load(): Promise<void> {
    this.reading += 1;
    const reading = this.reading;
    const found = await this.platforms.list();
    if (reading === this.reading) this.show(found);
  }

  /** What it sees changed by somebody's hand or by a device's catalogue; many changes cost one reading. */
  shareChanged(ids: readonly string[]): void {
    if (this.detail === null || !ids.includes(this.detail.id) || this.shareTimer !== 0) return;
    this.shareTimer = window.setTimeout(() => {
      this.shareTimer = 0;
      this.detail?.shareChanged();
    }, SHARE_WAIT_MS);
  }

  private show(platforms: Platform[]): void {
    document.body.dataset["platforms"] = String(platforms.length);
    const chosen = platforms.find((one) => one.id === this.chosen) ?? platforms[0] ?? null;
    this.chosen = chosen?.id ?? null;
    this.list.show(platforms, this.chosen);
    if (chosen === null) {
      this.detail = null;
      fill(this.place);
    } else if (this.detail?.id === chosen.id) {
      this.detail.show(chosen);
    } else {
      this.open(chosen);
    }
  }

  private open(platform: Platform): void {
    this.detail = new PlatformDetail(this.context, platform, {
      onEdit: (present) => void this.edit(present),
      onChanged: () => void attempt(() => this.load()),
      onGone: () => { this.detail = null; this.chosen = null; void attempt(() => this.load()); },
      onTab: (tab) => { this.tab = tab; this.keepAddress(); },
      onChannel: (code) => void this.channels.open(code),
    }, this.tab);
    fill(this.place, this.detail.element);
    this.keepAddress();
  }

  private choose(id: string): void {
    this.chosen = id;
    void attempt(() => this.load());
  }

  /** A link shows the same view. */
  private keepAddress(): void {
    if (this.chosen === null) return;
    const query = new URLSearchParams({ platform: this.chosen, tab: this.tab });
    history.replaceState(null, "", `${location.pathname}?${query}`);
  }

  private addButton(): HTMLElement | null {
    if (!canAdminister(this.context.session)) return null;
    return h("button", { type: "button", class: "button button-primary", "data-action": "add-platform",
      onclick: () => void this.edit(null) }, icon("plus"), t("platform.add"));
  }

  private async edit(present: Platform | null): Promise<void> {
    const { api } = this.context;
    if (this.ownId === "") await attempt(async () => { this.ownId = (await api.access()).server_id; });
    const saved = await editPlatform(api, present, this.ownId);
    if (saved === null) return;
    this.chosen = saved.id;
    if (present === null) this.tab = "share";
    await attempt(() => this.load());
    this.detail?.shareChanged();
  }
}

async function start(): Promise<void> {
  const context = await startPage(["platforms_changed", "platform_state", "shares_changed", ...CHANNEL_EVENTS]);
  const page = new PlatformsPage(context);
  let timer = 0;
  const soon = (): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void attempt(() => page.load()), RELOAD_WAIT_MS);
  };
  context.events.on("platforms_changed", soon);
  context.events.on("platform_state", soon);
  context.events.on("shares_changed", ({ platform_ids: ids }) => { page.shareChanged(ids); soon(); });
  context.events.onGap(soon);
  await attempt(() => page.load());
  // A button under a finger must not be exchanged while it is pressed.
  window.setInterval(() => {
    if (!document.hidden && document.querySelector("button:active") === null) page.load().catch(() => undefined);
  }, FIGURES_EVERY_MS);
}

void start();
