/** The side panel: one at a time, over the right edge, closed by Esc or its button. */

import { fill, h, iconButton } from "../dom";
import { t } from "../i18n";

export class Drawer {
  private readonly title = h("h2", { class: "drawer-title" });
  private readonly content = h("div", { class: "drawer-content" });
  readonly element = h("aside", { class: "drawer", hidden: true, "aria-label": t("drawer.label") },
    h("header", { class: "drawer-head" }, this.title,
      iconButton("close", t("common.close"), () => this.close(), { "data-action": "close-drawer" })),
    this.content);
  private opener: HTMLElement | null = null;
  private subject = "";

  constructor(private readonly onClose: () => void = () => undefined) {
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) {
        event.stopPropagation();
        this.close();
      }
    });
  }

  get isOpen(): boolean {
    return !this.element.hidden;
  }

  show(title: string, ...content: (Node | null)[]): void {
    if (!this.isOpen) {
      this.opener = document.activeElement as HTMLElement | null;
      // The one opened last lies on top.
      document.body.appendChild(this.element);
    }
    this.title.textContent = title;
    const subject = JSON.stringify(this.element.dataset);
    if (subject === this.subject && !this.element.hidden) this.exchange(content);
    else fill(this.content, ...content);
    this.subject = subject;
    const wasHidden = this.element.hidden;
    this.element.hidden = false;
    if (wasHidden) this.element.querySelector<HTMLElement>("button")?.focus();
  }

  /** The same subject read anew: what somebody unfolded, typed into or scrolled to stays. */
  private exchange(content: (Node | null)[]): void {
    const { scrollTop } = this.content;
    const focused = document.activeElement;
    const isOpen = new Map([...this.folds()].map((fold) => [fold.dataset["section"], fold.open]));
    const lists = [...this.content.querySelectorAll<HTMLElement>("[data-scrolls]")].map((list) => ({ list, top: list.scrollTop }));
    fill(this.content, ...content);
    for (const { list, top } of lists) list.scrollTop = top;
    for (const fold of this.folds()) fold.open = isOpen.get(fold.dataset["section"]) ?? fold.open;
    this.content.scrollTop = scrollTop;
    if (focused instanceof HTMLElement && this.content.contains(focused)) focused.focus({ preventScroll: true });
  }

  private folds(): NodeListOf<HTMLDetailsElement> {
    return this.content.querySelectorAll<HTMLDetailsElement>("details[data-section]");
  }

  /** Close; false when it was not open. */
  close(): boolean {
    if (!this.isOpen) return false;
    this.element.hidden = true;
    this.element.classList.remove("drawer-wide");
    this.content.replaceChildren();
    this.onClose();
    if (this.opener?.isConnected === true) this.opener.focus();
    return true;
  }
}

/** A part of the drawer with its heading. */
export function section(title: string, name: string, ...content: (Node | null)[]): HTMLElement {
  return h("section", { class: "drawer-section", "data-section": name }, h("h3", {}, title), ...content);
}

/** A part that is long or seldom wanted, folded; a function is asked for its content when it is first unfolded. */
export function folded(title: string, name: string, content: Node | (() => Node)): HTMLDetailsElement {
  const element = h("details", { class: "drawer-section", "data-section": name },
    h("summary", {}, h("h3", {}, title)));
  if (content instanceof Node) element.append(content);
  else element.addEventListener("toggle", () => { if (element.open) element.append(content()); }, { once: true });
  return element;
}

/** Parts that live as long as the drawer shows one subject: what is typed into them outlasts a reading. */
export class KeptParts {
  private subject = "";
  private readonly parts = new Map<string, HTMLElement>();

  of(subject: string, name: string, make: () => HTMLElement): HTMLElement {
    if (subject !== this.subject) this.parts.clear();
    this.subject = subject;
    const part = this.parts.get(name) ?? make();
    this.parts.set(name, part);
    return part;
  }

  clear(): void {
    this.parts.clear();
  }
}
