/** Inputs for a plugin's own parameters, made from its JSON schema; unset ones keep their default. */

import type { SchemaProperty } from "../contract";
import { h } from "../dom";
import { tServer } from "../i18n";
import { field } from "./dialog";

export interface SchemaForm {
  elements: HTMLElement[];
  values: () => Record<string, unknown>;
}

/** One labelled input per property that this form can show. */
export function schemaForm(
  properties: Record<string, SchemaProperty>, present: Record<string, unknown>,
): SchemaForm {
  const readers = new Map<string, () => unknown>();
  const elements: HTMLElement[] = [];
  for (const [name, property] of Object.entries(properties)) {
    const control = makeControl(name, property, present[name] ?? property.default);
    if (control === null) continue;
    readers.set(name, control.read);
    const label = tServer("param", name);
    // A schema's own words are English; ours, where we have them, are the reader's.
    elements.push(field(label, control.element, label === name ? (property.description ?? "") : ""));
  }
  const values = (): Record<string, unknown> => ({
    ...present,
    ...Object.fromEntries([...readers].map(([name, read]) => [name, read()])),
  });
  return { elements, values };
}

function makeControl(name: string, property: SchemaProperty, value: unknown):
  { element: HTMLElement; read: () => unknown } | null {
  const attributes = { name: `param-${name}`, "data-param": name };
  if (property.enum !== undefined) {
    const select = h("select", attributes, ...property.enum.map((option) => h("option", {
      value: String(option), selected: option === value }, tServer(`param.${name}`, String(option)))));
    return { element: select, read: () => select.value };
  }
  if (property.type === "boolean") {
    const box = h("input", { ...attributes, type: "checkbox", checked: value === true });
    return { element: box, read: () => box.checked };
  }
  if (property.type === "number" || property.type === "integer") {
    const input = h("input", {
      ...attributes, type: "number", required: true, value: Number(value ?? 0),
      min: property.minimum ?? property.exclusiveMinimum, max: property.maximum,
      step: property.type === "integer" ? "1" : "any",
    });
    return { element: input, read: () => input.valueAsNumber };
  }
  return null;
}
