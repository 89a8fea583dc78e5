/** The keyboard: one table that both acts and explains itself on "?". */

import { h } from "../dom";
import { t, type Key } from "../i18n";
import { openDialog } from "./dialog";

export interface KeyBinding {
  /** As `KeyboardEvent.key`, lower case. */
  keys: string[];
  /** How the help page writes them, when not as they are. */
  shown?: string;
  does: Key;
  act: (key: string) => void;
}

/** Listen for `bindings` wherever nobody is typing and no dialog is open. */
export function bindKeys(bindings: KeyBinding[]): void {
  const help: KeyBinding = { keys: ["?"], does: "keys.help", act: () => showKeys([...bindings, help]) };
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return;
    const key = event.key.toLowerCase();
    const binding = [...bindings, help].find((one) => one.keys.includes(key));
    if (binding === undefined) return;
    event.preventDefault();
    binding.act(key);
  });
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement
    && target.closest("input, textarea, select, [contenteditable]") !== null;
}

function showKeys(bindings: KeyBinding[]): void {
  void openDialog({
    title: t("keys.title"),
    name: "keys",
    body: [h("dl", { class: "keys" }, ...bindings.flatMap((binding) => [
      h("dt", {}, ...(binding.shown ?? binding.keys.join(" ")).split(" ")
        .map((key) => h("kbd", {}, key.length === 1 ? key.toUpperCase() : key))),
      h("dd", {}, t(binding.does)),
    ]))],
  });
}
