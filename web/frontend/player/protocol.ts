/** What `/live/{code}.ws` sends: JSON text about the stream, then binary boxes of it. */

import type { LiveStatus } from "../contract";
import type { Failure } from "./tile_state";

export type LiveMessage =
  | ({ type: "state" } & Partial<LiveStatus>)
  | { type: "init"; mime: string; codec: string; width: number | null; height: number | null }
  | { type: "ended"; reason: string };

/** A message of the protocol, or null for anything else: newer servers may say more. */
export function parseLiveMessage(text: string): LiveMessage | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
  if (typeof value !== "object" || value === null) return null;
  const fields = value as Record<string, unknown>;
  switch (fields["type"]) {
    case "state":
      return fields as LiveMessage;
    case "init":
      return typeof fields["mime"] === "string" ? (fields as LiveMessage) : null;
    case "ended":
      return { type: "ended", reason: String(fields["reason"] ?? "") };
    default:
      return null;
  }
}

/** What a failed status says; the server's words for people come in the reader's language. */
export function failureOf(status: Partial<LiveStatus>): Failure {
  const reason = status.reason ?? "";
  return {
    step: status.step ?? null, reason, title: status.title ?? reason, hint: status.hint ?? "",
    detail: status.detail ?? "",
  };
}

/** "H.265" for codec names and MIME codecs as the server writes them. */
export function codecName(codec: string | null | undefined): string {
  const name = (codec ?? "").toLowerCase();
  if (/^(h264|avc)/.test(name)) return "H.264";
  if (/^(h265|hevc|hvc1|hev1)/.test(name)) return "H.265";
  return (codec ?? "").toUpperCase();
}
