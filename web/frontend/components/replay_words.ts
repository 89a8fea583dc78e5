/** What the replay bar says of a search, in words. */

import type { RecordingSearch } from "../contract";
import { t, tLength } from "../i18n";
import type { Stretch } from "./timeline_model";

export interface SearchWords {
  text: string;
  tone: "" | "bad";
}

/** `count` files make these stretches. */
export function searchWords(
  search: RecordingSearch | null, stretches: readonly Stretch[], count: number,
): SearchWords {
  const seconds = stretches.reduce((sum, each) => sum + (each.end - each.start) / 1000, 0);
  const found = count === 0 ? "" : t("replay.found", { count, length: tLength(seconds) });
  switch (search?.state) {
    case "searching":
      return { text: t("replay.searching_found", { found: search.found, expected: search.expected ?? "?" }), tone: "" };
    case "failed":
      return { text: joined(search.title, search.hint, found), tone: "bad" };
    case "partial":
      return { text: joined(found, t("replay.partial")), tone: "" };
    default:
      return { text: search?.found === 0 ? joined(t("replay.none"), found) : found, tone: "" };
  }
}

/** The parts that there are, with a dot between. */
export function joined(...parts: (string | null)[]): string {
  return parts.filter((part) => part !== null && part !== "").join(" · ");
}
