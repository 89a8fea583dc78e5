/** Configuration of a device or channel: read on demand, edited in a form made of its fields, written back. */

import type { Api } from "../api";
import { ControlApi, type Config, type ConfigField, type Configs, type ConfigValues } from "../control_api";
import { fill, h, icon } from "../dom";
import { t, tList, tServer } from "../i18n";
import { confirmLoss } from "./dialog";
import { attempt, problemText, toast } from "./toast";
import { Problem } from "../api";

const RESTARTS = "config_restarts";

export type ConfigOwner = "channels" | "devices";

/** A button that reads, then one form for each configuration. */
export function configEditor(api: Api, owner: ConfigOwner, id: string, mayWrite: boolean): HTMLElement {
  const control = new ControlApi(api);
  const list = h("div", { class: "config-list" });
  const read = h("button", { type: "button", class: "button button-small", "data-action": "read-config" },
    icon("refresh"), t("config.read"));
  read.addEventListener("click", () => {
    read.disabled = true;
    fill(list, h("p", { class: "quiet", role: "status" }, t("config.reading")));
    void attempt(async () => {
      const { configs, missing, restarting = [] } = await control.configs(owner, id);
      const form = (config: Config): HTMLElement => configForm(control, owner, id, config, mayWrite);
      fill(list, ...configs.map(form),
        missing.length === 0 ? null : h("p", { class: "quiet" }, t("config.missing", { types: typeNames(missing) })),
        restarting.length === 0 ? null : restartingPart(restarting, () => control.forcedConfigs(owner, id, restarting), form));
    }).then((worked) => {
      if (!worked) list.replaceChildren();
      read.disabled = false;
    });
  });
  return h("div", {}, read, list);
}

function typeNames(types: string[]): string {
  return tList(types.map((type) => tServer("config.type", type)));
}

/** What was not asked for because the device would restart, and the way to ask nevertheless. */
function restartingPart(
  types: string[], ask: () => Promise<Configs>, form: (config: Config) => HTMLElement,
): HTMLElement {
  const part = h("div", { class: "config-restarting", "data-restarting": types.join(" ") });
  const force = async (): Promise<void> => {
    let found: Configs = { configs: [], missing: [] };
    if (!(await confirmRestart(async () => { found = await ask(); }))) return;
    fill(part, ...found.configs.map(form));
  };
  fill(part, h("p", { class: "quiet" }, t("config.restarting", { types: typeNames(types) })),
    h("button", { type: "button", class: "button button-small", "data-action": "force-config",
      onclick: () => void force() }, icon("refresh"), t("config.force")));
  return part;
}

function confirmRestart(run: () => Promise<unknown>): Promise<boolean> {
  return confirmLoss({ title: t("config.force_title"), intro: t("control.reboot_text"),
    lost: [t("config.force_lost"), t("control.reboot_lost_use")], action: t("config.force_action"), run });
}

function configForm(
  control: ControlApi, owner: ConfigOwner, id: string, config: Config, mayWrite: boolean,
): HTMLElement {
  const fault = h("p", { class: "config-fault", role: "alert", hidden: true });
  const editors = config.fields.map((field) => editorOf(field, config.values[field.name]));
  const form = h("form", { class: "config-form" }, ...editors.map((editor) => editor.element),
    config.fields.length === 0 ? h("pre", { class: "quiet" }, JSON.stringify(config.values, null, 1)) : null, fault,
    mayWrite && config.fields.length > 0
      ? h("button", { type: "submit", class: "button button-primary", "data-action": "write-config" }, t("config.write"))
      : null);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = Object.fromEntries(config.fields.map((field, index) => [field.name, editors[index]?.value()]));
    void write(control, owner, id, config, wanted, fault);
  });
  return h("details", { class: "config-type", "data-config": config.type },
    h("summary", {}, tServer("config.type", config.type)), form);
}

async function write(
  control: ControlApi, owner: ConfigOwner, id: string, config: Config, wanted: ConfigValues, fault: HTMLElement,
): Promise<void> {
  const tell = (text: string): void => { fault.textContent = text; fault.hidden = text === ""; };
  const check = (written: Config): void => {
    const refused = differing(wanted, written.values);
    tell(refused.length === 0 ? ""
      : t("config.not_taken", { fields: tList(refused.map((name) => tServer("config.field", name))) }));
    if (refused.length === 0) toast(t("config.written"));
  };
  try {
    check(await control.writeConfig(owner, id, config.type, wanted));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code !== RESTARTS) tell(problemText(error));
    else await confirmRestart(async () => check(await control.writeConfig(owner, id, config.type, wanted, true)));
  }
}

/** Which values the device has not taken over; null was not asked for. */
export function differing(wanted: ConfigValues, kept: ConfigValues): string[] {
  return Object.keys(wanted).filter((name) => {
    const value = wanted[name];
    return value !== null && value !== undefined && !covers(value, kept[name]);
  });
}

function covers(wanted: unknown, kept: unknown): boolean {
  if (wanted === null || wanted === undefined) return true;
  if (Array.isArray(wanted)) {
    return Array.isArray(kept) && wanted.length === kept.length && wanted.every((item, index) => covers(item, kept[index]));
  }
  if (typeof wanted === "object") {
    return typeof kept === "object" && kept !== null
      && Object.entries(wanted).every(([name, value]) => covers(value, (kept as ConfigValues)[name]));
  }
  return wanted === kept;
}

interface Editor { element: HTMLElement; value: () => unknown }

function editorOf(field: ConfigField, value: unknown): Editor {
  switch (field.kind) {
    case "group": return groupEditor(field, value as ConfigValues | null);
    case "list": return listEditor(field, Array.isArray(value) ? value as ConfigValues[] : []);
    case "flag": return flagEditor(field, value as boolean | null);
    default: return inputEditor(field, value);
  }
}

function labelled(field: ConfigField, control: HTMLElement, hint = ""): HTMLElement {
  return h("label", { class: "field", "data-field": field.name },
    h("span", { class: "field-label" }, tServer("config.field", field.name)), control,
    hint === "" ? null : h("span", { class: "field-hint" }, hint));
}

function inputEditor(field: ConfigField, value: unknown): Editor {
  const isText = field.kind === "text";
  const input = h("input", isText ? { type: "text", maxlength: String(field.most) }
    : { type: "number", min: String(field.least), max: String(field.most), step: field.kind === "decimal" ? "any" : "1" });
  input.value = value === null || value === undefined ? "" : String(value);
  const hint = isText || field.most > 100_000 ? "" : `${field.least} – ${field.most}`;
  return { element: labelled(field, input, hint),
    value: () => (input.value === "" ? (isText && value !== null ? "" : null) : isText ? input.value : Number(input.value)) };
}

/** Three states: a device that does not tell a switch is not told one either. */
function flagEditor(field: ConfigField, value: boolean | null): Editor {
  const select = h("select", {}, ...["", "true", "false"].map((word) =>
    h("option", { value: word, selected: word === (value === null ? "" : String(value)) },
      word === "" ? "—" : t(word === "true" ? "config.on" : "config.off"))));
  return { element: labelled(field, select), value: () => (select.value === "" ? null : select.value === "true") };
}

function groupEditor(field: ConfigField, value: ConfigValues | null): Editor {
  const editors = field.fields.map((inner) => [inner.name, editorOf(inner, value?.[inner.name] ?? null)] as const);
  const element = h("fieldset", { class: "config-part" }, h("legend", {}, tServer("config.field", field.name)),
    ...editors.map(([, editor]) => editor.element));
  const rest = value?.["rest"];
  return { element, value: () => value === null && editors.every(([, editor]) => editor.value() === null) ? null
    : { ...Object.fromEntries(editors.map(([name, editor]) => [name, editor.value()])), ...(rest === undefined ? {} : { rest }) } };
}

function listEditor(field: ConfigField, items: ConfigValues[]): Editor {
  const rows: Editor[] = [];
  const body = h("div", {});
  const add = (item: ConfigValues): void => {
    if (rows.length >= field.most) return;
    const row = groupEditor({ ...field, kind: "group" }, item);
    rows.push(row);
    row.element.append(h("button", { type: "button", class: "button button-small",
      onclick: () => { rows.splice(rows.indexOf(row), 1); row.element.remove(); } }, icon("trash"), t("config.remove")));
    body.append(row.element);
  };
  for (const item of items) add(item);
  const element = h("div", { "data-field": field.name }, body,
    h("button", { type: "button", class: "button button-small", onclick: () => add({}) }, icon("plus"),
      t("config.add", { what: tServer("config.field", field.name) })));
  return { element, value: () => rows.map((row) => row.value()) };
}
