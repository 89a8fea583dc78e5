/** Alarms: the list, what one shows, and what was done about it; all by keyboard if wished. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/alarms.css";
import { acknowledge, AlarmList, alarmTitle, clear, placeOf } from "./components/alarm_list";
import { timeWithAge } from "./components/age";
import { bindKeys } from "./components/key_map";
import { levelBadge, stateBadge } from "./components/level";
import { resetButton } from "./components/reports";
import { snapshotView } from "./components/snapshot";
import { attempt } from "./components/toast";
import { verdictCard } from "./components/verdict";
import { formatBytes, formatCode } from "./clock";
import type { Alarm, Page } from "./contract";
import { fill, h, icon, iconButton, need } from "./dom";
import { canOperate, startPage, type PageContext } from "./frame";
import { t, tServer } from "./i18n";

const NARROW = "(max-width: 767px)";
const SIZE = 50;
const RELOAD_WAIT_MS = 400;
const STATES = ["", "raised", "acknowledged", "cleared"] as const;
const LEVELS = ["", "1", "2", "3", "4"] as const;

class AlarmsPage {
  private readonly list: AlarmList;
  private readonly detail = h("section", { class: "alarm-detail", "data-role": "alarm-detail", "aria-live": "polite" });
  private readonly pager = h("nav", { class: "pager", "aria-label": t("table.pages") });
  private page: Page<Alarm> = { items: [], total: 0, page: 1, size: SIZE };
  private timer = 0;

  constructor(private readonly context: PageContext) {
    const { api, alarms } = context;
    this.list = new AlarmList({ api, book: alarms,
      onOpen: (alarm) => { if (alarm.channel !== null) location.assign(`/?open=${alarm.channel}`); },
      onSelect: (alarm) => {
        this.show(alarm);
        // On a phone the picture stands above the list, which may have been scrolled far.
        if (window.matchMedia(NARROW).matches) this.detail.scrollIntoView({ block: "start" });
      } });
    alarms.onChange((change) => {
      if (change === null) {
        this.reloadSoon();
        return;
      }
      const index = this.page.items.findIndex((one) => String(one.id) === String(change.alarm.id));
      if (index >= 0) {
        this.page.items[index] = change.alarm;
        this.render();
      } else {
        this.reloadSoon();
      }
    });
  }

  async start(): Promise<void> {
    fill(need("#page"),
      h("header", { class: "page-head" }, h("h1", {}, t("nav.alarms")), this.filters(),
        h("span", { class: "quiet keys-hint" }, t("alarm.keys"))),
      h("div", { class: "alarms-page" },
        h("div", { class: "alarms-side" }, this.list.element, this.pager), this.detail));
    bindKeys([{ keys: ["j", "k", "arrowdown", "arrowup", "enter", "a", "c"], shown: "J K Enter A C",
      does: "keys.alarm_list", act: (key) => void this.list.handleKey(key) }]);
    await this.reload();
  }

  private parameters(): URLSearchParams {
    return new URLSearchParams(location.search);
  }

  private async reload(): Promise<void> {
    await attempt(async () => {
      const query = Object.fromEntries(this.parameters());
      this.page = await this.context.api.alarms({ size: SIZE, ...query });
      this.render();
    });
  }

  private reloadSoon(): void {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.reload(), RELOAD_WAIT_MS);
  }

  private render(): void {
    const { items, total } = this.page;
    this.list.show(items);
    const chosen = items.find((alarm) => String(alarm.id) === String(this.list.selected)) ?? items[0];
    if (chosen === undefined) fill(this.detail, verdictCard({ tone: "ok", title: t("alarm.none"), text: t("alarm.none_text") }));
    else this.list.select(chosen.id, true);
    if (chosen !== undefined) this.show(chosen);
    this.renderPager(total);
  }

  private renderPager(total: number): void {
    const page = Number(this.parameters().get("page") ?? 1);
    const pages = Math.max(1, Math.ceil(total / SIZE));
    fill(this.pager, h("span", { class: "quiet", "data-total": total }, t("table.total", { total })),
      pages === 1 ? null : h("span", { class: "pager-steps" },
        iconButton("fold", t("table.previous"), () => void this.filter("page", String(page - 1)),
          { disabled: page <= 1, class: "icon-button flipped" }),
        h("span", {}, `${page} / ${pages}`),
        iconButton("fold", t("table.next"), () => void this.filter("page", String(page + 1)), { disabled: page >= pages })));
  }

  private async filter(name: string, value: string): Promise<void> {
    const parameters = this.parameters();
    if (name !== "page") parameters.delete("page");
    if (value === "") parameters.delete(name);
    else parameters.set(name, value);
    const text = parameters.toString();
    history.replaceState(null, "", text === "" ? location.pathname : `${location.pathname}?${text}`);
    await this.reload();
  }

  private filters(): HTMLElement {
    const choose = <Value extends string>(name: string, label: string, values: readonly Value[], words: (value: Value) => string): HTMLElement => {
      const select = h("select", { name, "aria-label": label }, ...values.map((value) => h("option", {
        value, selected: (this.parameters().get(name) ?? "") === value }, words(value))));
      select.addEventListener("change", () => void this.filter(name, select.value));
      return select;
    };
    return h("div", { class: "filter-bar" },
      choose("state", t("alarm.state_filter"), STATES, (value) => value === "" ? t("alarm.all_states") : t(`alarm.state.${value}`)),
      choose("level", t("alarm.level_filter"), LEVELS, (value) => value === "" ? t("alarm.all_levels") : t(`level.${value}`)));
  }

  private show(alarm: Alarm): void {
    this.detail.dataset["alarm"] = String(alarm.id);
    fill(this.detail,
      h("div", { class: "alarm-head" }, levelBadge(alarm.level), stateBadge(alarm.state),
        h("h2", {}, alarmTitle(alarm)), h("span", {}, placeOf(alarm))),
      snapshotView(alarm.snapshot_url, alarm.boxes, alarmTitle(alarm), true),
      this.acts(alarm),
      h("dl", { class: "facts" }, ...facts(alarm)));
  }

  private acts(alarm: Alarm): HTMLElement {
    const actions = { api: this.context.api, book: this.context.alarms };
    const mayAct = canOperate(this.context.session);
    return h("div", { class: "button-row" },
      mayAct && alarm.state === "raised"
        ? h("button", { type: "button", class: "button button-primary", "data-action": "acknowledge",
          onclick: () => void acknowledge(actions, alarm) }, icon("check"), t("alarm.acknowledge"))
        : null,
      mayAct && alarm.state !== "cleared"
        ? h("button", { type: "button", class: "button", "data-action": "clear",
          onclick: () => void clear(actions, alarm) }, icon("close"), t("alarm.clear"))
        : null,
      mayAct ? resetButton(this.context.api, alarm) : null,
      alarm.channel === null ? null
        : h("a", { class: "button", href: `/?open=${alarm.channel}` }, icon("live"), t("alarm.watch")));
  }
}

/** Positions on the stream's time line are for programs; the picture and the time say it to people. */
function isForPeople(name: string): boolean {
  return !["pts_ticks", "wall", "name", "name_en"].includes(name);
}

/** How sure as a share of a hundred, sizes in their unit, methods in words, anything else as it is. */
function detailWords(name: string, value: unknown): string {
  if (name === "method") return tServer("alarm.method", String(value));
  if (name === "time") return String(value).replace("T", " ");
  if (typeof value !== "number") return String(value);
  if (name === "score") return `${Math.round(value * 100)}%`;
  return name.endsWith("_bytes") ? formatBytes(value) : String(value);
}

function facts(alarm: Alarm): HTMLElement[] {
  const by = (at: string | null, who: string | null): HTMLElement | null =>
    at === null ? null : h("span", {}, timeWithAge(at), " ", who ?? "");
  // Motion is measured, not guessed: it has no certainty.
  const isMotion = alarm.boxes.length > 0 && alarm.boxes.every((box) => box.label === "motion");
  const rows: [string, Node | string | null][] = [
    [t("alarm.raised_at"), timeWithAge(alarm.raised_at)],
    [t("alarm.count"), String(alarm.count)],
    [t("alarm.channel"), alarm.channel === null ? null : h("code", { title: formatCode(alarm.channel) }, alarm.channel)],
    [t("alarm.acknowledged_by"), by(alarm.acknowledged_at, alarm.acknowledged_by)],
    [t("alarm.cleared_by"), by(alarm.cleared_at, alarm.cleared_by)],
    [t("alarm.note"), alarm.note],
    ...Object.entries(alarm.detail ?? {})
      .filter(([name, value]) => isForPeople(name) && !(name === "score" && isMotion) && ["string", "number", "boolean"].includes(typeof value))
      .map(([name, value]): [string, string] => [tServer("alarm.detail", name), detailWords(name, value)]),
  ];
  return rows.filter(([, value]) => value !== null && value !== "")
    .flatMap(([label, value]) => [h("dt", {}, label), h("dd", {}, value)]);
}

async function start(): Promise<void> {
  const context = await startPage([]);
  await new AlarmsPage(context).start();
}

void start();
