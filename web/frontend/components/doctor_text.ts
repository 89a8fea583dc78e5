/** A report of the stream doctor as plain text, to hand to support. No secrets are on it. */

import { formatTime } from "../clock";
import type { DoctorReport, DoctorStep, Mark } from "../doctor_contract";
import { t, tServer } from "../i18n";

export const SIGN: Record<Mark, string> = { ok: "✓", failed: "✗", unknown: "–" };

/** The whole report, a line for each step. */
export function reportText(report: DoctorReport, name: string): string {
  const head = [
    `${t("doctor.title")}: ${name} ${report.channel}`,
    [t("device.id"), report.device_id ?? "–"].join(": "),
    report.at === null ? "" : formatTime(report.at),
    `${report.title} (${report.cause})`,
    report.hint,
  ].filter((line) => line !== "");
  return [...head, ...triedLines(report), "", ...report.ladder.map(stepLine)].join("\n");
}

/** What was tried, where it was more than one way. */
export function triedLines(report: DoctorReport): string[] {
  if (report.tried.length < 2) return [];
  return report.tried.map((one) => `${tServer("transport", one.transport) || "–"}: ${one.title}`);
}

function stepLine(step: DoctorStep): string {
  const facts = step.facts.map((fact) => `${fact.label} ${fact.value}`).join(", ");
  return `${SIGN[step.mark]} ${step.title}${facts === "" ? "" : `: ${facts}`}`;
}
