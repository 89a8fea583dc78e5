/** Recordings that are fetched from devices: progress, the finished file, cancel and try again. */

import type { Api } from "../api";
import { formatBytes, formatShort } from "../clock";
import type { Download } from "../contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, tLength } from "../i18n";
import { openDialog } from "./dialog";
import { attempt } from "./toast";

const LOOK_MS = 1_000;
const SHOWN = 8;
const SPEEDS = [1, 2, 4, 8] as const;
const USUAL_SPEED = 4;

export class DownloadList {
  readonly element = h("div", { class: "downloads", "aria-live": "polite" });
  private timer = 0;

  constructor(private readonly api: Api) {}

  /** Show those of a channel as long as the bar is open. */
  async show(channel: string): Promise<void> {
    window.clearTimeout(this.timer);
    let downloads: Download[] = [];
    const isRead = await attempt(async () => { downloads = await this.api.downloads(); });
    const own = downloads.filter((each) => each.channel === channel).slice(0, SHOWN);
    if (isRead) fill(this.element, ...own.map((each) => this.row(each)));
    if (own.some((each) => each.state === "waiting" || each.state === "running")) {
      this.timer = window.setTimeout(() => void this.show(channel), LOOK_MS);
    }
  }

  hide(): void {
    window.clearTimeout(this.timer);
    this.element.replaceChildren();
  }

  /** Ask which stretch to fetch, and begin. */
  async ask(channel: string, start: number, end: number): Promise<void> {
    const from = timeInput(start);
    const to = timeInput(end);
    const speed = h("select", { name: "speed" },
      ...SPEEDS.map((each) => h("option", { value: each, selected: each === USUAL_SPEED }, `${each}×`)));
    const begun = await openDialog({
      title: t("download.title"),
      name: "download",
      body: [labelled(t("download.from"), from), labelled(t("download.to"), to),
        labelled(t("download.speed"), speed), h("p", { class: "quiet" }, t("download.hint"))],
      action: { label: t("download.start"), run: () =>
        this.api.startDownload(channel, isoOf(from), isoOf(to), Number(speed.value)) },
    });
    if (begun) await this.show(channel);
  }

  private row(each: Download): HTMLElement {
    const isOpen = each.state === "waiting" || each.state === "running";
    const seconds = (Date.parse(each.end) - Date.parse(each.start)) / 1000;
    const words = [t(`download.state.${each.state}`), each.title ?? "",
      each.bytes === null ? "" : formatBytes(each.bytes)].filter((part) => part !== "").join(" · ");
    return h("div", { class: "download", "data-download": each.id, "data-state": each.state,
      title: each.hint ?? "" },
    h("span", {}, `${formatShort(each.start)} · ${tLength(seconds)}`),
    h("progress", { max: 1, value: each.progress, "aria-label": t("download.progress") }),
    h("span", { "data-progress": each.progress }, `${Math.floor(each.progress * 100)}%`),
    h("span", { class: "download-words quiet" }, words),
    ...each.urls.map((url) => h("a", { class: "button button-small", href: url, download: true,
      "data-action": "take" }, icon("download"), t("download.take"))),
    isOpen ? iconButton("close", t("download.cancel"),
      () => void this.act(each, () => this.api.cancelDownload(each.id))) : null,
    isOpen || each.state === "done" ? null : iconButton("retry", t("download.retry"),
      () => void this.act(each, () => this.api.retryDownload(each.id))));
  }

  private async act(each: Download, work: () => Promise<unknown>): Promise<void> {
    await attempt(work);
    await this.show(each.channel);
  }
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  return h("label", { class: "field" }, h("span", {}, text), control);
}

const BEIJING_MS = 8 * 3_600_000;

/** A field for a moment in Beijing time, with seconds. */
function timeInput(at: number): HTMLInputElement {
  const value = new Date(at + BEIJING_MS).toISOString().slice(0, 19);
  return h("input", { type: "datetime-local", step: 1, required: true, value });
}

function isoOf(input: HTMLInputElement): string {
  const value = input.value.length === 16 ? `${input.value}:00` : input.value;
  return `${value}+08:00`;
}
