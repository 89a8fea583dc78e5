/** Devices: who may register, who is here, since when, with how many channels. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/drawer.css";
import "./styles/doctor.css";
import "./styles/alarms.css";
import "./styles/wall.css";
import "./styles/signalling.css";
import { timeWithAge } from "./components/age";
import { CHANNEL_EVENTS, ChannelDrawer } from "./components/channel_drawer";
import { addDevice } from "./components/device_acts";
import { DeviceDrawer } from "./components/device_drawer";
import { causeText } from "./components/marks";
import { filterBar, Table, type Column } from "./components/table";
import { verdictCard } from "./components/verdict";
import type { Device } from "./contract";
import { fill, h, icon, need } from "./dom";
import { canAdminister, canOperate, startPage, type PageContext } from "./frame";
import { t, tServer } from "./i18n";

const RELOAD_WAIT_MS = 500;

const COLUMNS: Column<Device>[] = [
  { name: "state", title: "device.state", isFixed: true, cell: stateCell },
  { name: "name", title: "device.name", isFixed: true, cell: (device) => device.name || "—" },
  { name: "id", title: "device.id", cell: (device) => h("code", {}, device.id) },
  { name: "channels", title: "device.channel_count", cell: (device) => device.channel_count },
  { name: "maker", title: "device.maker",
    cell: (device) => [device.manufacturer, device.model].filter(Boolean).join(" ") || "—" },
  { name: "address", title: "device.address",
    cell: (device) => [tServer("transport", device.transport), device.address].filter(Boolean).join(" ") || "—" },
  { name: "since", title: "device.since",
    cell: (device) => timeWithAge(device.online ? device.online_since : device.offline_since) },
  { name: "cause", title: "device.cause", cell: (device) => causeText(device.cause) || "—" },
  { name: "last_seen", title: "device.last_seen_at", isExtra: true,
    cell: (device) => timeWithAge(device.last_seen_at) },
  { name: "firmware", title: "device.firmware", isExtra: true, cell: (device) => device.firmware ?? "—" },
  { name: "expires", title: "device.expires_at", isExtra: true, cell: (device) => timeWithAge(device.expires_at) },
];

function stateCell(device: Device): HTMLElement {
  const state = device.online ? "on" : "off";
  return h("span", { class: `state-cell state-${state}`, "data-online": String(device.online) },
    icon(`dot-${state}`), t(device.online ? "presence.online" : "presence.offline"));
}

async function start(): Promise<void> {
  const context = await startPage(["device_status", "catalog_merged", "subscription", ...CHANNEL_EVENTS]);
  const channels = new ChannelDrawer(context);
  const table = makeTable(context, (id) => void table.filter({ device: id }).then(() => drawer.open(id)));
  const drawer = new DeviceDrawer(context, {
    onClose: () => void table.filter({ device: null }),
    onChannel: (code) => void channels.open(code),
    onGone: () => void table.reload(),
  });
  const add = h("button", { type: "button", class: "button button-primary", "data-action": "add-device",
    onclick: () => void addDevice(context.api).then((added) => { if (added) void table.reload(); }) },
  icon("plus"), t("device.add"));
  const strangers = h("a", { class: "button", href: "/access", "data-action": "strangers" }, icon("access"), t("device.strangers"));
  fill(need("#page"),
    h("header", { class: "page-head" }, h("h1", {}, t("nav.devices")),
      filterBar(table, [...canOperate(context.session) ? [strangers] : [], ...canAdminister(context.session) ? [add] : []])),
    table.element);
  follow(context, table, drawer);
  await table.reload();
  const wanted = table.query()["device"];
  if (typeof wanted === "string") await drawer.open(wanted);
}

function makeTable(context: PageContext, onRow: (id: string) => void): Table<Device> {
  return new Table<Device>({
    name: "devices",
    label: t("nav.devices"),
    columns: COLUMNS,
    key: (device) => device.id,
    // `device` names the open panel, not a filter of the list.
    load: ({ device: _, ...query }) => context.api.devices(query),
    empty: () => verdictCard({ tone: "quiet", title: t("device.none"), text: t("device.none_text"),
      actions: [h("a", { class: "button", href: "/access" }, t("nav.access"))] }),
    onRow: (device) => onRow(device.id),
  });
}

/** Many events in a row cost one reading. */
function follow({ events }: PageContext, table: Table<Device>, drawer: DeviceDrawer): void {
  let timer = 0;
  const soon = (id: string | null): void => {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => void table.reload(), RELOAD_WAIT_MS);
    if (id !== null) drawer.refresh(id);
  };
  events.on("device_status", (status) => soon(status.id));
  events.on("catalog_merged", (merged) => soon(merged.id));
  events.on("subscription", (changed) => drawer.refresh(changed.device_id));
  events.onGap(() => soon(null));
}

void start();
