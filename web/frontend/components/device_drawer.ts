/** Everything about one device: facts, its channels with their marks, its on/off spans. */

import { formatCode } from "../clock";
import type { Channel, Device, Page, Span } from "../contract";
import { h, icon, iconButton } from "../dom";
import { canAdminister, canOperate, type PageContext } from "../frame";
import { t, tServer, type Key } from "../i18n";
import { timeWithAge } from "./age";
import { capabilityMatrix } from "./capability_matrix";
import { spanList } from "./channel_drawer";
import { configEditor } from "./config_editor";
import { deleteDevice, refreshCatalog, resetPassword } from "./device_acts";
import { cardList, deviceActs, upgradeView } from "./device_control";
import { transportMemory } from "./doctor_card";
import { Drawer, folded, KeptParts, section } from "./drawer";
import { causeText, presenceDot } from "./marks";
import { ruleForm } from "./registration_rule";
import { subscriptionList } from "./reports";
import { signallingLadder } from "./signalling_ladder";
import { attempt, copyText } from "./toast";

const CHANNELS_SHOWN = 200;
const CHANNELS_UNFOLDED = 12;

export class DeviceDrawer {
  private readonly drawer = new Drawer(() => { this.kept.clear(); this.options.onClose(); });
  private readonly kept = new KeptParts();
  private id: string | null = null;

  constructor(
    private readonly context: PageContext,
    private readonly options: { onClose: () => void; onChannel: (code: string) => void; onGone: () => void },
  ) {}

  async open(id: string): Promise<void> {
    this.id = id;
    const { api } = this.context;
    await attempt(async () => {
      const [device, channels, spans] = await Promise.all([
        api.device(id), api.channels({ device: id, size: CHANNELS_SHOWN }), api.spans(id, "device"),
      ]);
      if (this.id === id) this.show(device, channels, spans);
    });
  }

  /** Read again what is shown, when it is this device. */
  refresh(id: string): void {
    if (this.drawer.isOpen && this.id === id) void this.open(id);
  }

  private show(device: Device, channels: Page<Channel>, spans: Span[]): void {
    const { api, session } = this.context;
    this.drawer.element.dataset["device"] = device.id;
    this.drawer.show(device.name || device.id,
      h("dl", { class: "facts" }, ...deviceFacts(device), h("dt", {}, t("doctor.memory")),
        h("dd", {}, transportMemory(api, device.id, canOperate(session)))),
      this.acts(device),
      this.channels(channels),
      section(t("subscription.title"), "subscriptions", subscriptionList(api, device.id, canOperate(session))),
      ...this.controls(device),
      folded(t("drawer.spans"), "spans", spanList(spans)));
  }

  private channels(channels: Page<Channel>): HTMLElement {
    const part = folded(t("device.channels", { count: channels.total }), "channels",
      channels.items.length === 0 ? h("p", { class: "quiet" }, t("device.no_channels"))
        : h("ul", { class: "plain-list" }, ...channels.items.map((channel) => this.channel(channel))));
    part.open = channels.items.length <= CHANNELS_UNFOLDED;
    return part;
  }

  /** What asks or changes the device; kept while the drawer shows it. */
  private controls(device: Device): HTMLElement[] {
    const { api, session } = this.context;
    const { id } = device;
    const mayAdminister = canAdminister(session);
    const part = (title: Key, name: string, make: () => Node): HTMLElement =>
      this.kept.of(id, name, () => folded(t(title), name, make));
    const cards = part("cards.title", "cards", () => cardList(api, device, mayAdminister));
    const upgrade = part("upgrade.section", "upgrade", () => upgradeView(api, device, mayAdminister));
    const mayOperate = canOperate(session);
    const matrix = part("capability.title", "capabilities", () => capabilityMatrix(api, id, mayOperate));
    if (!mayOperate) return [cards, upgrade, matrix];
    const ladder = part("sip.title", "signalling", () => signallingLadder(api,
      { path: `/devices/${id}/sip`, kind: "device", name: device.name || id }));
    return [ladder, part("drawer.config", "config", () => configEditor(api, "devices", id, mayAdminister)),
      part("rule.title", "rule", () => ruleForm(api, id, mayAdminister)), cards, upgrade, matrix];
  }

  private acts(device: Device): HTMLElement {
    const { api, session } = this.context;
    const act = (name: string, label: string, sign: "refresh" | "key" | "trash", run: () => void): HTMLElement =>
      h("button", { type: "button", class: "button button-small", "data-action": name, onclick: run },
        icon(sign), label);
    const orders = deviceActs(api, device, { mayOperate: canOperate(session), mayAdminister: canAdminister(session) });
    return h("div", { class: "device-acts" }, orders, h("div", { class: "button-row" },
      canOperate(session) ? act("catalog", t("device.catalog"), "refresh", () => void refreshCatalog(api, device)) : null,
      canAdminister(session) ? act("reset-password", t("device.reset"), "key", () => void resetPassword(api, device)) : null,
      canAdminister(session) ? act("delete-device", t("device.delete"), "trash", () => void this.remove(device)) : null));
  }

  private async remove(device: Device): Promise<void> {
    if (!(await deleteDevice(this.context.api, device))) return;
    this.drawer.close();
    this.options.onGone();
  }

  private channel(channel: Channel): HTMLElement {
    return h("li", { class: "device-channel", "data-channel": channel.code },
      presenceDot(channel),
      h("button", { type: "button", class: "link", title: formatCode(channel.code),
        onclick: () => this.options.onChannel(channel.code) }, channel.name),
      h("a", { class: "icon-button", href: `/?open=${channel.code}`, title: t("alarm.watch"),
        "aria-label": t("alarm.watch") }, icon("live")));
  }
}

function deviceFacts(device: Device): HTMLElement[] {
  const state = device.online ? t("presence.online") : t("presence.offline");
  const since = device.online ? device.online_since : device.offline_since;
  const rows: [string, Node | string | null][] = [
    [t("device.id"), h("span", {}, h("code", { title: formatCode(device.id) }, device.id),
      iconButton("copy", t("common.copy_of", { what: t("device.id") }), () => void copyText(device.id)))],
    [t("device.state"), h("span", {}, state, " · ", timeWithAge(since), " ", causeText(device.cause))],
    [t("device.address"), [tServer("transport", device.transport), device.address].filter(Boolean).join(" ")],
    [t("device.maker"), [device.manufacturer, device.model, device.firmware].filter(Boolean).join(" · ")],
    [t("device.registered_at"), timeWithAge(device.registered_at)],
    [t("device.last_seen_at"), timeWithAge(device.last_seen_at)],
  ];
  return rows.filter(([, value]) => value !== "" && value !== null)
    .flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
}
