import { describe, expect, it } from "vitest";
import { compact, judge, kindOfCode, partsOf } from "../components/code_parts";

const SERVER = "14040000002000000001";

describe("a code taken apart", () => {
  it("names its parts, the last one as far as it is typed", () => {
    expect(partsOf(SERVER).map((part) => part.digits)).toEqual(["14040000", "00", "200", "0", "000001"]);
    expect(partsOf("1404000000 20".replace(" ", "")).at(-1)).toEqual({ name: "type", digits: "20", isWhole: false });
    expect(partsOf("")).toEqual([]);
  });

  it("says what is wrong while it is typed", () => {
    expect(judge("")).toEqual({ is: "empty" });
    expect(judge("1404")).toEqual({ is: "short", missing: 16 });
    expect(judge("1404O")).toEqual({ is: "wrong_sign", at: 5, sign: "O" });
    expect(judge(`${SERVER}99`)).toEqual({ is: "long", more: 2 });
    expect(judge(SERVER)).toEqual({ is: "good" });
  });

  it("warns of another type than a platform's, unless any will do", () => {
    expect(judge("14040000001320000001")).toEqual({ is: "other_type", type: "132" });
    expect(judge("14040000001320000001", "")).toEqual({ is: "good" });
  });

  it("takes a code that was copied in groups", () => {
    expect(compact("14040000 00 200 0 000001")).toBe(SERVER);
    expect(judge("14040000 00 200 0 000001")).toEqual({ is: "good" });
  });

  it("tells devices from channels", () => {
    expect(kindOfCode("14040000001180000001")).toBe("device");
    expect(kindOfCode("14040000001320000001")).toBe("channel");
    expect(kindOfCode(SERVER)).toBe("other");
    expect(kindOfCode("org-1")).toBe("other");
  });
});
