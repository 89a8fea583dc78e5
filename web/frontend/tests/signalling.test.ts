import { describe, expect, it } from "vitest";
import {
  formatPause, isLongPause, meaning, merge, methodsOf, MOST_MESSAGES, NO_FILTER, requestWords, rungs, toneOf,
  type SipMessage,
} from "../components/signalling_model";
import { setLanguage } from "../i18n";

const AT = Date.parse("2026-11-20T04:00:00Z");

function message(number: number, change: Partial<SipMessage> = {}): SipMessage {
  return {
    number, at: new Date(AT + number * 100).toISOString(), is_sent: false, transport: "udp", host: "10.1.2.9",
    port: 5060, size_bytes: 400, is_repeated: false, is_cut: false, method: "MESSAGE", status: null, reason: null,
    cseq: number, call_id: "a", from_id: null, to_id: null, kind: null, command: null, session: null, about: null,
    has_credentials: false, is_end: false, text: `text ${number}`, ...change,
  };
}

const KEEPALIVE: Partial<SipMessage> = { command: "Keepalive", kind: "Notify", call_id: "k" };

describe("the words of a message", () => {
  it("tell what it means", () => {
    expect(meaning(message(1, KEEPALIVE))).toBe("心跳");
    expect(meaning(message(1, { command: "Catalog", kind: "Query" }))).toBe("目录 查询");
    expect(meaning(message(1, { command: "PTZCmd", kind: "Control" }))).toBe("云台 控制");
    expect(meaning(message(1, { method: "INVITE", session: "Play" }))).toBe("点播实时视频");
    expect(meaning(message(1, { method: "INVITE" }))).toBe("邀请");
    expect(meaning(message(1, { method: "REGISTER" }))).toBe("注册");
    expect(meaning(message(1, { method: "REGISTER", has_credentials: true }))).toBe("注册（带口令摘要）");
    expect(meaning(message(1, { method: "REGISTER", is_end: true, has_credentials: true }))).toBe("注销");
    expect(meaning(message(1, { method: "SUBSCRIBE", command: "Alarm" }))).toBe("订阅 报警");
    expect(meaning(message(1, { method: "INFO", command: "PAUSE" }))).toBe("回放控制：暂停");
    expect(meaning(message(1, { method: "BYE" }))).toBe("结束会话");
    expect(meaning(message(1, { method: "PUBLISH" }))).toBe("PUBLISH");
    expect(meaning(message(1, { method: "" }))).toBe("无法识别的内容");
    expect(meaning(message(1, { command: "NewThing", kind: "Query" }))).toBe("NewThing 查询");
  });

  it("of a response name status and request", () => {
    const refused = message(1, { method: "REGISTER", status: 403, reason: "Forbidden" });
    expect(meaning(refused)).toContain("403 拒绝");
    expect(requestWords(message(1, { status: 200, command: "Catalog", kind: "Query" }))).toBe("目录 查询");
    expect(meaning(message(1, { status: 499, reason: "Odd" }))).toBe("499 Odd");
    expect(meaning(message(1, { status: 499 }))).toBe("499 被拒绝");
  });

  it("exist in English", () => {
    setLanguage("en");
    expect(meaning(message(1, { method: "INVITE", session: "Playback" }))).toBe("Play a recording");
    setLanguage("zh");
  });
});

describe("a ladder", () => {
  it("hides keepalives and their answers unless they are wanted", () => {
    const all = [message(1), message(2, KEEPALIVE), message(3, { ...KEEPALIVE, status: 200 })];
    expect(rungs(all, NO_FILTER).map((rung) => rung.message.number)).toEqual([1]);
    expect(rungs(all, { ...NO_FILTER, keepalives: true })).toHaveLength(3);
  });

  it("shows what fits method, dialogue and text, in the message or in its words", () => {
    const all = [message(1, { method: "INVITE", session: "Play", call_id: "x" }), message(2)];
    const numbers = (change: object): number[] =>
      rungs(all, { ...NO_FILTER, ...change }).map((rung) => rung.message.number);
    expect(numbers({ method: "INVITE" })).toEqual([1]);
    expect(numbers({ callId: "a" })).toEqual([2]);
    expect(numbers({ text: "TEXT 2" })).toEqual([2]);
    expect(numbers({ text: "点播" })).toEqual([1]);
    expect(numbers({ text: "nothing" })).toEqual([]);
  });

  it("gives each dialogue its colour and each rung its pause", () => {
    const all = [message(1), message(4, { call_id: "b" }), message(5)];
    const found = rungs(all, NO_FILTER);
    expect(found.map((rung) => rung.colour)).toEqual([0, 1, 0]);
    expect(found.map((rung) => rung.pauseMs)).toEqual([null, 300, 100]);
  });

  it("tells good from bad, and marks what was sent again", () => {
    const tone = (change: Partial<SipMessage>): string => toneOf(message(1, change));
    expect([tone({}), tone({ status: 100 }), tone({ status: 401 }), tone({ status: 200 }), tone({ status: 486 }),
      tone({ status: 486, is_repeated: true })]).toEqual(["plain", "wait", "wait", "good", "bad", "repeated"]);
  });

  it("grows by what is new, and no longer than it may", () => {
    const known = [message(1), message(2)];
    expect(merge(known, [message(2), message(3)]).map((one) => one.number)).toEqual([1, 2, 3]);
    const many = Array.from({ length: MOST_MESSAGES + 5 }, (_, index) => message(index + 1));
    expect(merge([], many)).toHaveLength(MOST_MESSAGES);
    expect(merge([], many)[0]?.number).toBe(6);
  });

  it("offers the methods that occur", () => {
    expect(methodsOf([message(1), message(2, { method: "BYE" }), message(3, { method: "" })])).toEqual(["BYE", "MESSAGE"]);
  });

  it("writes pauses as people read them", () => {
    expect([formatPause(0), formatPause(38), formatPause(1250), formatPause(12_340), formatPause(-3)])
      .toEqual(["+0 ms", "+38 ms", "+1.25 s", "+12.3 s", "+0 ms"]);
    expect([isLongPause(null), isLongPause(9_999), isLongPause(10_000)]).toEqual([false, false, true]);
  });
});
