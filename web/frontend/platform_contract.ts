/** Upper platforms, what they see and how it goes with them, named as the server names them. */

import type { Page } from "./contract";

export const RIGHTS = [
  "live", "playback", "download", "ptz", "control", "alarms", "positions",
] as const;
export type UpperRight = typeof RIGHTS[number];
export const CATALOG_FORMS = ["civil_code", "organisation", "flat"] as const;
export type CatalogForm = typeof CATALOG_FORMS[number];

export interface PlatformCatalog {
  sent_at: string;
  items: number;
  is_equal: boolean;
  added: number;
  removed: number;
  changed: number;
}

export interface Scorecard {
  state: string;
  since: string | null;
  failure: string | null;
  failure_text: string | null;
  status: number | null;
  next_attempt_at: string | null;
  gb_version: string | null;
  registered_since: string | null;
  /** Null: it has never asked. */
  catalog: PlatformCatalog | null;
  invites: number;
  invites_ok: number;
  first_frame_ms: number | null;
  last_failure: { at: string; channel: string | null; reason: string } | null;
  streams: number;
  bytes: number;
}

/** What people describe; a password is only ever sent. */
export interface PlatformDraft {
  id: string;
  name: string;
  domain?: string;
  host: string;
  port: number;
  transport: "udp" | "tcp";
  own_id?: string;
  username: string;
  password?: string;
  expires_s: number;
  keepalive_interval_s: number;
  keepalive_count: number;
  edition: "2016" | "2022";
  charset: "GB2312" | "GB18030" | "UTF-8";
  catalog_form: CatalogForm;
  is_enabled: boolean;
  rights: UpperRight[];
}

export interface Platform extends Omit<PlatformDraft, "password" | "domain" | "own_id" | "username"> {
  domain: string;
  own_id: string;
  username: string | null;
  password_set: boolean;
  created_at: string;
  updated_at: string;
  channels: number;
  channels_online: number;
  errors: number;
  warnings: number;
  scorecard: Scorecard;
}

export interface Share {
  everything: boolean;
  /** Ids of organisations or devices, each with all below it. */
  organisations: string[];
  categories: string[];
  channels: string[];
  /** Channels kept back; they win. */
  excluded: string[];
}

export type Severity = "error" | "warning" | "note";

export interface Finding {
  severity: Severity;
  rule: string;
  code: string | null;
  name: string | null;
  /** Our own code or id. */
  source: string | null;
  detail: string | null;
  title: string;
  hint: string;
}

export interface FindingPage extends Page<Finding> { errors: number; warnings: number; notes: number }

export interface PreviewNode {
  code: string;
  name: string;
  kind: string;
  status_on: boolean;
  parent: string | null;
  parent_ids: string[];
  civil_code: string | null;
  channels: number;
  has_children: boolean;
  source: string | null;
  findings: Finding[];
}

export interface PreviewPage extends Page<PreviewNode> { items_total: number; channels_total: number }

export interface PrefixRule { ours: string; theirs: string }

export interface CodeLine { ours: string; name: string; theirs: string; source: "own" | "given" | "rule" | "made" }

export interface CodePage extends Page<CodeLine> { rules: PrefixRule[] }

export interface CodeImport {
  lines: number;
  is_taken: boolean;
  bad: { line: number; reason: string; detail: string; text: string }[];
}
