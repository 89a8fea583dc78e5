import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import en from "../../locale/en.json";
import zh from "../../locale/zh.json";
import { setLanguage, t, tList, tServer, type Key } from "../i18n";

const HERE = resolve(import.meta.dirname, "..");
const KEY_AT = /\bt\(\s*\(?"([a-z0-9_.]+)"|"([a-z]+\.[a-z0-9_.]+)"/g;
/** Keys built from server words or loop variables: their families are listed here. */
const FAMILIES = [
  "advice", "alarm.detail", "alarm.kind", "alarm.method", "alarm.state", "capability", "cause", "config.field", "config.type",
  "doctor.mark", "download.state", "label", "level", "live.end", "live.step", "marks", "microphone", "nav", "outcome", "param",
  "presence", "problem", "quirk", "replay.kind", "replay.source", "role", "sip.command", "sip.kind", "sip.method",
  "sip.rtsp", "sip.session", "sip.status", "sip.status_group", "spans", "subscription.reason",
  "code.industry", "code.part", "code.region", "code.type", "codes.source",
  "platform.failure", "platform.form", "platform.form_example", "platform.kind", "platform.next", "platform.next_go",
  "platform.reason", "platform.right", "platform.severity", "platform.state", "share.part",
  "cards.status", "subscription.state", "subscription.topic", "tile.state", "transport", "upgrade.reason",
  "upgrade.state", "verdict", "voice.day", "voice.entry_failed",
  "voice.kind_of", "voice.priority", "voice.reason", "voice.source", "voice.state", "voice.target",
];

function files(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|tests|\.d\.ts/.test(path));
}

function placeholders(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? "").sort();
}

const sources = [...files(HERE, ".ts"), ...files(resolve(HERE, "../templates"), ".html")]
  .map((path) => readFileSync(path, "utf-8")).join("\n");
const used = new Set([...sources.matchAll(KEY_AT)].map((match) => match[1] ?? match[2] ?? ""));

describe("the strings", () => {
  it("exist in both languages", () => {
    expect(Object.keys(en)).toEqual(Object.keys(zh));
  });

  it("say something with the same values in both", () => {
    for (const key of Object.keys(zh) as Key[]) {
      expect(zh[key].trim(), key).not.toBe("");
      expect(en[key].trim(), key).not.toBe("");
      expect(placeholders(en[key]), key).toEqual(placeholders(zh[key]));
    }
  });

  it("exist for every key that a template or module names", () => {
    const named = [...used].filter((key) => /^[a-z]+\.[a-z0-9_.]*[a-z0-9]$/.test(key)
      && !key.endsWith(".html") && Object.keys(zh).some((known) => known.startsWith(`${key.split(".")[0]}.`)));
    expect(named.filter((key) => !(key in zh) && !FAMILIES.includes(key))).toEqual([]);
  });

  it("are all used", () => {
    const isFamily = (key: string): boolean => FAMILIES.some((family) => key.startsWith(`${family}.`));
    expect(Object.keys(zh).filter((key) => !used.has(key) && !isFamily(key))).toEqual([]);
  });

  it("are Chinese first", () => {
    expect(t("tile.state.live")).toBe("实时");
    setLanguage("en");
    expect(t("tile.state.live")).toBe("live");
    setLanguage("zh");
  });

  it("fill in values and leave unknown places alone", () => {
    expect(t("table.total", { total: 7 })).toBe("共 7 条");
    expect(t("table.total")).toBe("共 {total} 条");
  });

  it("follow one another as the language has it", () => {
    expect(tList(["一", "二"])).toBe("一、二");
    setLanguage("en");
    expect(tList(["one", "two"])).toBe("one, two");
    setLanguage("zh");
  });

  it("show the server's own word where we have none", () => {
    expect(tServer("cause", "expired")).toBe("注册过期");
    expect(tServer("transport", "tcp-passive")).toBe("TCP 被动");
    expect(tServer("cause", "eclipse")).toBe("eclipse");
    expect(tServer("cause", null)).toBe("");
  });
});
