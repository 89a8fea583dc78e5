/** A 20-digit code taken apart while it is typed, GB/T 28181-2022 annex E; no DOM. */

export interface CodePart {
  name: "centre" | "industry" | "type" | "network" | "serial";
  digits: string;
  isWhole: boolean;
}

const LAYOUT: readonly (readonly [CodePart["name"], number])[] = [
  ["centre", 8], ["industry", 2], ["type", 3], ["network", 1], ["serial", 6],
];
export const CODE_LENGTH = 20;
/** The type of a signalling server, which an upper platform is. */
export const SERVER_TYPE = "200";

/** The parts that are there so far, the last of them perhaps only begun. */
export function partsOf(code: string): CodePart[] {
  const parts: CodePart[] = [];
  let at = 0;
  for (const [name, length] of LAYOUT) {
    const digits = code.slice(at, at + length);
    if (digits === "") break;
    parts.push({ name, digits, isWhole: digits.length === length });
    at += length;
  }
  return parts;
}

export type CodeVerdict =
  | { is: "empty" }
  | { is: "wrong_sign"; at: number; sign: string }
  | { is: "short"; missing: number }
  | { is: "long"; more: number }
  | { is: "other_type"; type: string }
  | { is: "good" };

/** What is to be said about a typed code that shall be a platform's; blanks and groups are fine. */
export function judge(typed: string, type: string = SERVER_TYPE): CodeVerdict {
  const code = compact(typed);
  if (code === "") return { is: "empty" };
  const wrong = /\D/.exec(code);
  if (wrong !== null) return { is: "wrong_sign", at: wrong.index + 1, sign: wrong[0] };
  if (code.length < CODE_LENGTH) return { is: "short", missing: CODE_LENGTH - code.length };
  if (code.length > CODE_LENGTH) return { is: "long", more: code.length - CODE_LENGTH };
  const own = code.slice(10, 13);
  return type !== "" && own !== type ? { is: "other_type", type: own } : { is: "good" };
}

/** Without the blanks of a code that was copied in groups. */
export function compact(typed: string): string {
  return typed.replaceAll(/\s/g, "");
}

/** What a code of ours stands for, as far as its type tells; 131 to 199 are ends with a picture or sound. */
export function kindOfCode(code: string): "device" | "channel" | "other" {
  if (!/^\d{20}$/.test(code)) return "other";
  const type = Number(code.slice(10, 13));
  if (type >= 111 && type <= 130) return "device";
  return type >= 131 && type <= 199 ? "channel" : "other";
}
