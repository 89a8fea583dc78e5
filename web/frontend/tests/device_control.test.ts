import { describe, expect, it } from "vitest";
import { typedNumber } from "../components/channel_control";
import { cardSpace, upgradeWords } from "../components/device_control";
import { ruleOf, type TypedRule } from "../components/registration_rule";
import { canTurn } from "../components/tile_strip";
import type { Card } from "../control_api";

const NOTHING: TypedRule = { digests: ["", "", ""], sendDate: "", serverId: "", host: "", port: "", transport: "udp" };
const CARD: Card = { number: 1, name: null, status: "ok", format_percent: null, capacity_mb: 2048, free_mb: 1024 };

describe("a registration rule", () => {
  it("says nothing where nothing was chosen", () => {
    expect(ruleOf(NOTHING)).toEqual({ digest_algorithms: [], send_date: null, redirect_to: null });
  });

  it("keeps the order of the digests and each of them once", () => {
    expect(ruleOf({ ...NOTHING, digests: ["SHA-256", "MD5", "SHA-256"] }).digest_algorithms).toEqual(["SHA-256", "MD5"]);
    expect(ruleOf({ ...NOTHING, digests: ["", "SM3", "MD5"] }).digest_algorithms).toEqual(["SM3", "MD5"]);
  });

  it("tells off from not chosen", () => {
    expect(ruleOf({ ...NOTHING, sendDate: "false" }).send_date).toBe(false);
    expect(ruleOf({ ...NOTHING, sendDate: "true" }).send_date).toBe(true);
  });

  it("redirects to the usual port unless another one is typed", () => {
    const there = { ...NOTHING, serverId: " 14040000002000000002", host: "192.0.2.9 " };
    expect(ruleOf(there).redirect_to)
      .toEqual({ server_id: "14040000002000000002", host: "192.0.2.9", port: 5060, transport: "udp" });
    expect(ruleOf({ ...there, port: "5062", transport: "tcp" }).redirect_to)
      .toMatchObject({ port: 5062, transport: "tcp" });
  });
});

describe("what a device says of itself", () => {
  it("names the space of a card as far as it is known", () => {
    expect(cardSpace(CARD)).toBe("剩余 1.0 GB，共 2.0 GB");
    expect(cardSpace({ ...CARD, free_mb: null })).toBe("2.0 GB");
    expect(cardSpace({ ...CARD, capacity_mb: null })).toBe("");
  });

  it("gives the reason of a failed upgrade in words, or as the device wrote it", () => {
    expect(upgradeWords({ state: "done", reason: null })).toBe("升级成功");
    expect(upgradeWords({ state: "failed", reason: "02" })).toBe("升级失败：升级包损坏");
    expect(upgradeWords({ state: "failed", reason: "77" })).toBe("升级失败：77");
    expect(upgradeWords({ state: "failed", reason: "" })).toBe("升级失败");
  });
});

describe("a camera", () => {
  it("turns unless its catalogue calls it fixed", () => {
    expect([1, "2", null].map((ptz_type) => canTurn({ ptz_type }))).toEqual([true, true, true]);
    expect([3, "3"].map((ptz_type) => canTurn({ ptz_type }))).toEqual([false, false]);
  });

  it("keeps an angle that was left empty", () => {
    expect([typedNumber(""), typedNumber(" "), typedNumber("0"), typedNumber("-12.5")]).toEqual([null, null, 0, -12.5]);
  });
});
