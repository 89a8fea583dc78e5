/** Who has knocked, told once per device and address: the latest word that counts, the rest behind it. */

import type { RegistrationAttempt } from "../contract";

export interface AttemptGroup {
  /** The latest outcome that decided something; a challenge only while there is nothing else. */
  latest: RegistrationAttempt;
  /** What else was decided for the same device and address, newest first. */
  earlier: RegistrationAttempt[];
}

const CHALLENGED = "challenged";

/** One group per device and address, the newest first. */
export function groupAttempts(attempts: readonly RegistrationAttempt[]): AttemptGroup[] {
  const groups = new Map<string, RegistrationAttempt[]>();
  for (const attempt of [...attempts].sort(byAge)) {
    const key = `${attempt.device_id} ${attempt.address} ${attempt.transport}`;
    groups.set(key, [...(groups.get(key) ?? []), attempt]);
  }
  return [...groups.values()].map(group).sort((a, b) => byAge(a.latest, b.latest));
}

function group(newestFirst: RegistrationAttempt[]): AttemptGroup {
  // Every registration begins with a challenge: it says nothing once an answer has come.
  const [latest, ...earlier] = newestFirst.filter((one) => one.outcome !== CHALLENGED);
  if (latest !== undefined) return { latest, earlier };
  const [challenge] = newestFirst;
  if (challenge === undefined) throw new RangeError("a group has an attempt");
  return { latest: challenge, earlier: [] };
}

function byAge(a: RegistrationAttempt, b: RegistrationAttempt): number {
  return Date.parse(b.at) - Date.parse(a.at);
}
