/** What the stream doctor answers; titles, hints and labels come in the reader's language. */

import type { Api } from "./api";

export type Mark = "ok" | "failed" | "unknown";
export type Grade = "failed" | "poor" | "remark" | "fine" | "open";

export interface DoctorFact {
  name: string;
  label: string;
  value: string;
}

export interface DoctorStep {
  rung: string;
  title: string;
  mark: Mark;
  facts: DoctorFact[];
}

export interface DoctorTry {
  transport: string | null;
  at: string | null;
  cause: string;
  title: string;
}

export interface DoctorReport {
  channel: string;
  device_id: string | null;
  cause: string;
  grade: Grade;
  title: string;
  hint: string;
  at: string | null;
  transport: string | null;
  running: boolean;
  ladder: DoctorStep[];
  tried: DoctorTry[];
}

export interface DeviceTransport {
  device_id: string;
  transport: string | null;
  at: string | null;
  evidence: string | null;
}

/** Its questions; a code and an id are digits and need no quoting. */
export function doctorOf(api: Api) {
  return {
    report: (code: string) => api.ask<DoctorReport>("GET", `/channels/${code}/doctor`),
    examine: (code: string) => api.ask<DoctorReport>("POST", `/channels/${code}/doctor`, {}),
    transport: (id: string) => api.ask<DeviceTransport>("GET", `/devices/${id}/transport`),
    forget: (id: string) => api.ask<DeviceTransport>("DELETE", `/devices/${id}/transport`),
  };
}
