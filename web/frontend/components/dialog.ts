/** Modal questions: native dialogs, so focus stays inside and Esc closes; nothing typed is lost by time. */

import { fill, h, iconButton } from "../dom";
import { t } from "../i18n";
import { copyText, problemText } from "./toast";
import { Problem } from "../api";

export interface DialogOptions {
  title: string;
  body: Node[];
  /** The button that does it; without one there is only "close". */
  action?: { label: string; tone?: "danger" | "primary"; run: () => Promise<unknown> };
  name?: string;
  /** What leaving is called where "cancel" would be wrong. */
  leave?: string;
}

/** Open a dialog; resolves true when its action was carried out, false when it was left. */
export function openDialog(options: DialogOptions): Promise<boolean> {
  const { promise, resolve } = deferred<boolean>();
  const fault = h("p", { class: "dialog-fault", role: "alert", hidden: true });
  const dialog = h("dialog", { class: "dialog", "data-dialog": options.name ?? "" });
  const form = h("form", { method: "dialog", class: "dialog-form" });
  const header = h("header", { class: "dialog-head" }, h("h2", {}, options.title),
    iconButton("close", t("common.close"), () => dialog.close()));
  const footer = h("footer", { class: "dialog-foot" });
  const leave = h("button", { type: "button", class: "button", onclick: () => dialog.close() },
    options.leave ?? (options.action === undefined ? t("common.close") : t("common.cancel")));
  footer.appendChild(leave);
  let isDone = false;
  if (options.action !== undefined) {
    const action = options.action;
    const button = h("button", {
      type: "submit", class: `button button-${action.tone ?? "primary"}`, "data-action": "confirm",
    }, action.label);
    footer.appendChild(button);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void runAction(action.run, button, fault).then((worked) => {
        isDone = worked;
        if (worked) dialog.close();
      });
    });
  }
  fill(form, header, h("div", { class: "dialog-body" }, ...options.body, fault), footer);
  dialog.appendChild(form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(isDone);
  });
  document.body.appendChild(dialog);
  dialog.showModal();
  return promise;
}

async function runAction(
  run: () => Promise<unknown>, button: HTMLButtonElement, fault: HTMLElement,
): Promise<boolean> {
  button.disabled = true;
  fault.hidden = true;
  try {
    await run();
    return true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fault.textContent = problemText(error);
    fault.hidden = false;
    return false;
  } finally {
    button.disabled = false;
  }
}

/** A destructive act: says what is lost and asks once. */
export function confirmLoss(options: {
  title: string; intro?: string; lost: string[]; kept?: string; action: string; run: () => Promise<unknown>;
}): Promise<boolean> {
  return openDialog({
    title: options.title,
    name: "confirm",
    body: [
      h("p", {}, options.intro ?? t("common.will_be_lost")),
      h("ul", { class: "loss-list" }, ...options.lost.map((line) => h("li", {}, line))),
      ...(options.kept === undefined ? [] : [h("p", { class: "quiet" }, options.kept)]),
    ],
    action: { label: options.action, tone: "danger", run: options.run },
  });
}

/** A password that is shown this once. */
export function showSecret(title: string, intro: string, rows: [string, string][]): Promise<boolean> {
  return openDialog({
    title,
    name: "secret",
    body: [
      h("p", { class: "notice" }, intro),
      h("dl", { class: "facts facts-copy" }, ...rows.flatMap(([label, value]) => copyRow(label, value))),
    ],
  });
}

/** A label, its value in figures, and a button that copies it whole. */
export function copyRow(label: string, value: string): HTMLElement[] {
  return [
    h("dt", {}, label),
    h("dd", { "data-value": label },
      h("code", { class: "value" }, value),
      iconButton("copy", t("common.copy_of", { what: label }), () => void copyText(value))),
  ];
}

/** A labelled input; `hint` says what to type. */
export function field(
  label: string, control: HTMLElement, hint = "",
): HTMLLabelElement {
  return h("label", { class: "field" }, h("span", { class: "field-label" }, label), control,
    hint === "" ? null : h("span", { class: "field-hint" }, hint));
}

function deferred<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve!: (value: Value) => void;
  const promise = new Promise<Value>((accept) => { resolve = accept; });
  return { promise, resolve };
}
