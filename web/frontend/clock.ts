/**
 * Time as people in the dispatch room read it: Asia/Shanghai, absolute with seconds, age beside it.
 * The server's clock counts, not the workstation's: its offset is learnt from `Date` headers.
 */

export const TIME_ZONE = "Asia/Shanghai";

const JUMP_MS = 2_000;

let offsetMs = 0;
let isLearnt = false;

/**
 * Take in the server's `Date` header. It has whole seconds, so any single reading is up to 1 s
 * old; the reading that puts the server furthest ahead is the closest one.
 */
export function learnServerTime(serverMs: number, localMs: number = Date.now()): void {
  if (!Number.isFinite(serverMs)) return;
  const reading = serverMs - localMs;
  const isJump = Math.abs(reading - offsetMs) > JUMP_MS;
  if (!isLearnt || isJump || reading > offsetMs) offsetMs = reading;
  isLearnt = true;
}

/** The server's time in milliseconds since 1970. */
export function serverNow(localMs: number = Date.now()): number {
  return localMs + offsetMs;
}

const PARTS = new Intl.DateTimeFormat("en-GB", {
  timeZone: TIME_ZONE,
  year: "numeric", month: "2-digit", day: "2-digit",
  hour: "2-digit", minute: "2-digit", second: "2-digit",
  hourCycle: "h23",
});

function parts(ms: number): Record<string, string> {
  return Object.fromEntries(PARTS.formatToParts(ms).map((part) => [part.type, part.value]));
}

/** 2025-11-20 15:30:12 in Beijing time. */
export function formatTime(value: string | number): string {
  const ms = typeof value === "number" ? value : Date.parse(value);
  if (!Number.isFinite(ms)) return "—";
  const p = parts(ms);
  return `${p["year"]}-${p["month"]}-${p["day"]} ${p["hour"]}:${p["minute"]}:${p["second"]}`;
}

/** 15:30:12, with the date (11-20 15:30:12) when it is not today. */
export function formatShort(value: string | number, nowMs: number = serverNow()): string {
  const full = formatTime(value);
  if (full === "—") return full;
  return full.slice(0, 10) === formatTime(nowMs).slice(0, 10) ? full.slice(11) : full.slice(5);
}

/** Midnight in Beijing of the day that `ms` lies in. */
export function startOfDay(ms: number): number {
  return Date.parse(`${formatTime(ms).slice(0, 10)}T00:00:00+08:00`);
}

export interface AgeWords {
  s: string;
  m: string;
  h: string;
  d: string;
}

/** A length in the two largest units that matter: 42 秒, 3 分 12 秒, 2 小时 5 分, 4 天 3 小时. */
export function formatLength(seconds: number, words: AgeWords): string {
  const s = Math.max(0, Math.floor(seconds));
  const two = (large: number, unit: string, small: number, rest: string): string =>
    `${large}${unit}${small === 0 ? "" : `${small}${rest}`}`.trim();
  if (s < 60) return `${s}${words.s}`.trim();
  if (s < 3600) return two(Math.floor(s / 60), words.m, s % 60, words.s);
  if (s < 86_400) return two(Math.floor(s / 3600), words.h, Math.floor((s % 3600) / 60), words.m);
  return two(Math.floor(s / 86_400), words.d, Math.floor((s % 86_400) / 3600), words.h);
}

/** 3.4 GB; binary steps as the operating system's tools show them. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB", "PB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A 20-digit code as people read it: 14040000 00 132 0 000001. */
export function formatCode(code: string): string {
  if (!/^\d{20}$/.test(code)) return code;
  return [code.slice(0, 8), code.slice(8, 10), code.slice(10, 13), code.slice(13, 14),
    code.slice(14)].join(" ");
}
