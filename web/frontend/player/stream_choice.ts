/** Which of a camera's pictures is watched, main or sub: remembered per channel, told to who shows it. */

import { recall, remember } from "../preferences";

export type StreamChoice = "main" | "sub";

const NAME = "sub-streams";
const isCodes = (value: unknown): value is string[] => Array.isArray(value) && value.every((code) => typeof code === "string");
const listeners = new Map<string, Set<() => void>>();

/** The main stream, unless somebody chose otherwise. */
export function streamChoice(code: string): StreamChoice {
  return recall(NAME, [], isCodes).includes(code) ? "sub" : "main";
}

export function chooseStream(code: string, choice: StreamChoice): void {
  const others = recall(NAME, [], isCodes).filter((other) => other !== code);
  remember(NAME, choice === "sub" ? [...others, code] : others);
  for (const listener of listeners.get(code) ?? []) listener();
}

/** Hear of another choice; returns what ends that. */
export function onStreamChoice(code: string, listener: () => void): () => void {
  const set = listeners.get(code) ?? new Set();
  listeners.set(code, set.add(listener));
  return () => {
    set.delete(listener);
    if (set.size === 0) listeners.delete(code);
  };
}
