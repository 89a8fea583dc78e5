/** What stands beside a detection box, on the live picture and on a still one. */

import type { DetectionBox } from "../contract";
import { tServer } from "../i18n";

/** The thing and how sure the detector is; motion is not a guess, so it has no such figure. */
export function boxWords({ label, score }: DetectionBox): string {
  const word = tServer("label", label);
  return label === "motion" ? word : `${word} ${Math.round(score * 100)}%`;
}
