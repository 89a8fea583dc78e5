import { describe, expect, it } from "vitest";
import {
  formatBytes, formatCode, formatLength, formatShort, formatTime, learnServerTime, serverNow, startOfDay,
} from "../clock";

const WORDS = { s: " 秒", m: " 分 ", h: " 小时 ", d: " 天 " };

describe("times", () => {
  it("are absolute with seconds in Beijing time, wherever the browser is", () => {
    expect(formatTime("2026-11-20T16:00:05Z")).toBe("2026-11-21 00:00:05");
    expect(formatTime("nonsense")).toBe("—");
  });

  it("leave the date out only for today", () => {
    const now = Date.parse("2026-11-20T16:30:00Z");
    expect(formatShort("2026-11-20T16:00:05Z", now)).toBe("00:00:05");
    expect(formatShort("2026-11-20T15:59:59Z", now)).toBe("11-20 23:59:59");
  });

  it("begin the day at Beijing midnight", () => {
    expect(new Date(startOfDay(Date.parse("2026-11-20T16:30:00Z"))).toISOString())
      .toBe("2026-11-20T16:00:00.000Z");
  });

  it.each([
    [42, "42 秒"], [60, "1 分"], [192, "3 分 12 秒"], [7_500, "2 小时 5 分"], [3 * 86_400, "3 天"],
    [93_600, "1 天 2 小时"], [-5, "0 秒"],
  ])("say %d s as a length: %s", (seconds, text) => {
    expect(formatLength(seconds, WORDS)).toBe(text);
  });

  it("follow the server's clock, not the workstation's", () => {
    const local = 1_000_000_000_000;
    learnServerTime(local + 60_000, local);
    expect(serverNow(local)).toBe(local + 60_000);
    learnServerTime(local + 60_400, local);
    expect(serverNow(local)).toBe(local + 60_400);
    learnServerTime(local + 59_900, local);
    expect(serverNow(local)).toBe(local + 60_400);
    learnServerTime(local - 3_000, local);
    expect(serverNow(local)).toBe(local - 3_000);
    learnServerTime(Number.NaN, local);
    expect(serverNow(local)).toBe(local - 3_000);
  });
});

describe("codes and sizes", () => {
  it("group a national code for reading", () => {
    expect(formatCode("14040000001320000001")).toBe("14040000 00 132 0 000001");
    expect(formatCode("1404")).toBe("1404");
  });

  it("write bytes as people do", () => {
    expect(formatBytes(512)).toBe("512 B");
    expect(formatBytes(1_610_612_736)).toBe("1.5 GB");
  });
});
