import { describe, expect, it } from "vitest";
import { groupAttempts } from "../components/attempt_groups";
import type { RegistrationAttempt } from "../contract";

function attempt(device: string, outcome: string, second: number, address = "10.0.0.1"): RegistrationAttempt {
  return {
    at: new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString(), device_id: device, address,
    transport: "udp", outcome, count: 1, user_agent: null, known: true,
  };
}

function told(attempts: RegistrationAttempt[]): [string, string, string[]][] {
  return groupAttempts(attempts).map(({ latest, earlier }) =>
    [latest.device_id, latest.outcome, earlier.map((one) => one.outcome)]);
}

describe("attempts to register", () => {
  it("tells a device at one address once, by its latest decisive outcome", () => {
    expect(told([attempt("a", "refused_unknown", 1), attempt("a", "accepted", 2), attempt("a", "challenged", 3)]))
      .toEqual([["a", "accepted", ["refused_unknown"]]]);
  });

  it("tells of a challenge only while nothing has been decided", () => {
    expect(told([attempt("a", "challenged", 1)])).toEqual([["a", "challenged", []]]);
  });

  it("keeps another address of the same device apart, newest decision first", () => {
    expect(told([
      attempt("a", "accepted", 1), attempt("a", "refused_other_address", 5, "10.0.0.2"),
      attempt("b", "refused_password", 3), attempt("a", "challenged", 9),
    ])).toEqual([
      ["a", "refused_other_address", []], ["b", "refused_password", []], ["a", "accepted", []],
    ]);
  });
});
