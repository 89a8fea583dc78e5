/** What a ladder says of SIP messages: plain words, tone, pauses, dialogues. No DOM. */

import { t, tServer, type Key } from "../i18n";

export interface SipMessage {
  number: number;
  at: string;
  is_sent: boolean;
  transport: string;
  host: string;
  port: number;
  size_bytes: number;
  is_repeated: boolean;
  is_cut: boolean;
  method: string;
  /** Null for a request. */
  status: number | null;
  reason: string | null;
  cseq: number | null;
  call_id: string;
  from_id: string | null;
  to_id: string | null;
  kind: string | null;
  command: string | null;
  session: string | null;
  about: string | null;
  has_credentials: boolean;
  is_end: boolean;
  text: string;
}

export interface SipMessageList {
  items: SipMessage[];
  cursor: number;
  has_more: boolean;
  own_host: string;
  own_port: number;
}

/** What is to be seen; an empty word does not restrict. */
export interface LadderFilter {
  method: string;
  callId: string;
  text: string;
  keepalives: boolean;
}

export type Tone = "plain" | "good" | "bad" | "wait" | "repeated";

export interface Rung {
  message: SipMessage;
  tone: Tone;
  /** Milliseconds since the rung above; null for the first. */
  pauseMs: number | null;
  /** A colour of its own for each dialogue, 0 to COLOURS - 1. */
  colour: number;
}

export const COLOURS = 6;
export const MOST_MESSAGES = 1000;
const LONG_PAUSE_MS = 10_000;
const CHALLENGES = [401, 407];

/** Messages that came are added to those that are there; the oldest leave. */
export function merge(known: SipMessage[], come: SipMessage[]): SipMessage[] {
  const newest = known.at(-1)?.number ?? 0;
  return [...known, ...come.filter((message) => message.number > newest)].slice(-MOST_MESSAGES);
}

export function isKeepalive(message: SipMessage): boolean {
  return message.command === "Keepalive";
}

export function fits(message: SipMessage, filter: LadderFilter): boolean {
  const wanted = filter.text.trim().toLowerCase();
  return (filter.keepalives || !isKeepalive(message))
    && (filter.method === "" || message.method === filter.method)
    && (filter.callId === "" || message.call_id === filter.callId)
    && (wanted === "" || message.text.toLowerCase().includes(wanted) || meaning(message).toLowerCase().includes(wanted));
}

/** The rungs of a ladder, oldest first. */
export function rungs(messages: SipMessage[], filter: LadderFilter): Rung[] {
  const colours = new Map<string, number>();
  let before: number | null = null;
  return messages.filter((message) => fits(message, filter)).map((message) => {
    const at = Date.parse(message.at);
    const colour = colours.get(message.call_id) ?? colours.size % COLOURS;
    colours.set(message.call_id, colour);
    const pauseMs = before === null ? null : at - before;
    before = at;
    return { message, tone: toneOf(message), pauseMs, colour };
  });
}

export function toneOf({ status, is_repeated: isRepeated }: SipMessage): Tone {
  if (isRepeated) return "repeated";
  if (status === null) return "plain";
  if (status < 200 || CHALLENGES.includes(status)) return "wait";
  return status < 300 ? "good" : "bad";
}

/** Whether so much time passed that the ladder is interrupted. */
export function isLongPause(pauseMs: number | null): boolean {
  return pauseMs !== null && pauseMs >= LONG_PAUSE_MS;
}

/** +0 ms, +38 ms, +1.25 s: what passed since the message above. */
export function formatPause(pauseMs: number): string {
  const ms = Math.max(0, Math.round(pauseMs));
  return ms < 1000 ? `+${ms} ms` : `+${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

/** What a message means, in plain words. */
export function meaning(message: SipMessage): string {
  return message.status === null ? requestWords(message) : `${message.status} ${statusWords(message)}`;
}

/** What the request means; of a response the one that it answers. */
export function requestWords(message: SipMessage): string {
  const { method, command, kind, session } = message;
  const subject = command === null ? "" : tServer("sip.command", command);
  switch (method) {
    case "REGISTER":
      if (message.is_end) return t("sip.unregister");
      return t(message.has_credentials ? "sip.register_again" : "sip.register");
    case "INVITE":
      return session === null ? t("sip.invite") : tServer("sip.session", session);
    case "SUBSCRIBE":
      return t(message.is_end ? "sip.unsubscribe" : "sip.subscribe", { subject }).trim();
    case "NOTIFY":
      return t("sip.notify", { subject }).trim();
    case "MESSAGE":
      if (isKeepalive(message)) return subject;
      return subject === "" ? t("sip.message") : [subject, kind === null ? "" : tServer("sip.kind", kind)].join(" ").trim();
    case "INFO":
      return command === null ? t("sip.info") : t("sip.info_of", { order: tServer("sip.rtsp", command) });
    case "":
      return t("sip.unreadable");
    default:
      return tServer("sip.method", method);
  }
}

function statusWords({ status, reason }: SipMessage): string {
  const known = tServer("sip.status", String(status));
  if (known !== String(status)) return known;
  const group = tServer("sip.status_group", String(Math.floor((status ?? 0) / 100)));
  return reason ?? group;
}

/** The methods that occur, for a choice. */
export function methodsOf(messages: SipMessage[]): string[] {
  return [...new Set(messages.map((message) => message.method).filter((method) => method !== ""))].sort();
}

export const NO_FILTER: LadderFilter = { method: "", callId: "", text: "", keepalives: false };

/** Who is at the other end, for an empty ladder: each has another reason for being silent. */
export type PeerKind = "device" | "platform" | "address";

export const EMPTY_TEXT: Record<PeerKind, Key> = {
  device: "sip.empty_device", platform: "sip.empty_platform", address: "sip.empty_address",
};
