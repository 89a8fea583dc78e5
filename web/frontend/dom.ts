/** Making DOM without markup strings: text is always text, so names from devices cannot inject. */

type Child = Node | string | number | null | undefined | false;
type Listener = (event: never) => void;
type Value = string | number | boolean | null | undefined | Listener;

/**
 * `h("button", { class: "quiet", onclick: go }, "text")`. `on…` adds a listener, booleans set or
 * leave out the attribute, anything else becomes an attribute.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag, attributes: Record<string, Value> = {}, ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  append(element, children);
  return element;
}

function setAttribute(element: Element, name: string, value: Value): void {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") {
    element.addEventListener(name.slice(2), value as EventListener);
  } else {
    element.setAttribute(name, value === true ? "" : String(value));
  }
}

export function append(parent: Node, children: Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Replace everything inside `parent`. */
export function fill(parent: Element, ...children: Child[]): void {
  parent.replaceChildren();
  append(parent, children);
}

/** The element the template promised; its absence is a defect of the template. */
export function need<Found extends HTMLElement = HTMLElement>(
  selector: string, root: ParentNode = document,
): Found {
  const found = root.querySelector<Found>(selector);
  if (found === null) throw new Error(`the template lacks ${selector}`);
  return found;
}

const SVG = "http://www.w3.org/2000/svg";
const SPRITE = "/static/dist/icons.svg";

export type IconName =
  | "live" | "alarm" | "device" | "access" | "system" | "search" | "close" | "info" | "full"
  | "play" | "pause" | "replay" | "back30" | "previous" | "download" | "record" | "boxes" | "sound" | "mute" | "fold" | "unfold" | "tree" | "user" | "copy" | "refresh"
  | "trash" | "plus" | "retry" | "help" | "key" | "edit" | "layout1" | "layout4" | "layout9"
  | "dot-on" | "dot-unproven" | "dot-off" | "level-1" | "level-2" | "level-3" | "level-4" | "check"
  | "next" | "mic" | "speaker" | "stop" | "ptz" | "camera" | "folder" | "category" | "cascade";

/** An icon of the local sprite; it says nothing to screen readers, so give its button a label. */
export function icon(name: IconName, className = "icon"): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", `${className} icon-${name}`);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.appendChild(use);
  return svg;
}

/** A button that shows only an icon and tells its name to everyone else. */
export function iconButton(
  name: IconName, label: string, onclick: (event: MouseEvent) => void,
  attributes: Record<string, Value> = {},
): HTMLButtonElement {
  return h("button", {
    type: "button", class: "icon-button", title: label, "aria-label": label, onclick, ...attributes,
  }, icon(name));
}
