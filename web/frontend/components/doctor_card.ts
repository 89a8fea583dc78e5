/** The stream doctor's card: one verdict, what to do, and the ladder that it rests on. */

import type { Api } from "../api";
import { doctorOf, type DeviceTransport, type DoctorReport, type DoctorStep, type Grade } from "../doctor_contract";
import { fill, h, icon, iconButton } from "../dom";
import { t, tServer } from "../i18n";
import { timeWithAge } from "./age";
import { openDialog } from "./dialog";
import { reportText, SIGN, triedLines } from "./doctor_text";
import { attempt, copyText } from "./toast";
import { verdictCard, type Tone } from "./verdict";

const LOOK_EVERY_MS = 1000;
const TONE: Record<Grade, Tone> = { failed: "bad", poor: "warn", remark: "ok", fine: "ok", open: "quiet" };

/** The card with its buttons; follows what runs until it is taken from the page. */
export function doctorCard(api: Api, code: string, name: string): HTMLElement {
  const doctor = doctorOf(api);
  const shown = h("div", { class: "doctor-report", "aria-live": "polite" }, t("common.loading"));
  let latest: DoctorReport | null = null;
  const examine = h("button", { type: "button", class: "button button-small", "data-action": "examine",
    onclick: () => void attempt(async () => show(await doctor.examine(code))) }, icon("retry"), t("doctor.examine"));
  const copy = h("button", { type: "button", class: "button button-small", "data-action": "copy-report",
    onclick: () => { if (latest !== null) void copyText(reportText(latest, name)); } },
  icon("copy"), t("doctor.copy"));
  const element = h("div", { class: "doctor", "data-doctor": code }, shown,
    h("div", { class: "button-row" }, examine, copy));

  function show(report: DoctorReport): void {
    const isNews = JSON.stringify(report) !== JSON.stringify(latest);
    latest = report;
    element.dataset["cause"] = report.cause;
    examine.disabled = report.grade === "open" && report.running;
    if (isNews) fill(shown, ...reportContent(report));
    if (report.running) window.setTimeout(() => void look(), LOOK_EVERY_MS);
  }

  async function look(): Promise<void> {
    if (element.isConnected) await attempt(async () => show(await doctor.report(code)));
  }

  queueMicrotask(() => void look());
  return element;
}

/** The card in a dialog of its own. */
export function openDoctor(api: Api, code: string, name: string): void {
  void openDialog({ title: t("doctor.of", { name }), name: "doctor", body: [doctorCard(api, code, name)] });
}

function reportContent(report: DoctorReport): Node[] {
  const tried = triedLines(report);
  return [
    verdictCard({ tone: TONE[report.grade], title: report.title, hint: report.hint }),
    h("ul", { class: "doctor-tried quiet", hidden: tried.length === 0 }, ...tried.map((line) => h("li", {}, line))),
    h("ol", { class: "doctor-ladder" }, ...report.ladder.map(step)),
  ];
}

function step(one: DoctorStep): HTMLElement {
  return h("li", { class: `doctor-step doctor-${one.mark}`, "data-rung": one.rung, "data-mark": one.mark },
    h("span", { class: "doctor-mark", role: "img", "aria-label": t(`doctor.mark.${one.mark}`) }, SIGN[one.mark]),
    h("span", { class: "doctor-name" }, one.title),
    h("span", { class: "doctor-facts" }, ...one.facts.map((fact) => h("span", { class: "doctor-fact" },
      h("span", { class: "quiet" }, fact.label), " ",
      h("code", {}, fact.name === "transport" ? tServer("transport", fact.value) : fact.value)))));
}

/** Which way of media worked for a device, and a button to forget it. */
export function transportMemory(api: Api, deviceId: string, mayForget: boolean): HTMLElement {
  const doctor = doctorOf(api);
  const element = h("span", { class: "transport-memory", "data-role": "transport" });
  const show = (memory: DeviceTransport): void => {
    element.dataset["transport"] = memory.transport ?? "";
    if (memory.transport === null) {
      fill(element, h("span", { class: "quiet" }, t("doctor.no_memory")));
      return;
    }
    fill(element, tServer("transport", memory.transport), " · ", timeWithAge(memory.at),
      mayForget ? iconButton("trash", t("doctor.forget"),
        () => void attempt(async () => show(await doctor.forget(deviceId)), t("doctor.forgotten")),
        { "data-action": "forget-transport" }) : null);
  };
  queueMicrotask(() => void attempt(async () => show(await doctor.transport(deviceId))));
  return element;
}
