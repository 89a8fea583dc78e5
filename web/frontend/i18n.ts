/** Strings by key, from the same two files the templates read; Chinese first. */

import en from "../locale/en.json";
import zh from "../locale/zh.json";
import { formatLength } from "./clock";

export type Key = keyof typeof zh;
export type Language = "zh" | "en";

const CATALOGS: Record<Language, Record<Key, string>> = { zh, en };

let current: Language = "zh";

/** Use the language the page was rendered in. */
export function setLanguage(language: Language): void {
  current = language;
}

export function language(): Language {
  return current;
}

/** The string of `key` with `{name}` replaced by `values.name`. */
export function t(key: Key, values: Record<string, string | number> = {}): string {
  return (CATALOGS[current][key] as string).replace(/\{(\w+)\}/g, (whole, name: string) =>
    name in values ? String(values[name]) : whole);
}

/** The string of a key made from server words, or the server's own word where we have none. */
export function tServer(prefix: string, word: string | null | undefined): string {
  if (word === null || word === undefined || word === "") return "";
  const key = `${prefix}.${word.toLowerCase().replaceAll("-", "_")}`;
  return key in CATALOGS[current] ? t(key as Key) : word;
}

/** Words one after the other, as the language separates them. */
export function tList(words: string[]): string {
  return words.join(current === "zh" ? "、" : ", ");
}

/** A length of time in words. */
export function tLength(seconds: number): string {
  return formatLength(seconds, {
    s: t("unit.s"), m: t("unit.m"), h: t("unit.h"), d: t("unit.d"),
  });
}
