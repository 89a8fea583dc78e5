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
    fill(this.content, ...content);
    this.element.hidden = false;
    this.element.querySelector<HTMLElement>("button")?.focus();
  }

  /** Close; false when it was not open. */
  close(): boolean {
    if (!this.isOpen) return false;
    this.element.hidden = true;
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
