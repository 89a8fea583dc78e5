/** Tabs: one part at a time, made when it is first looked at; arrows move, the choice is told. */

import { h } from "../dom";

export interface Tab {
  name: string;
  title: string;
  /** Made once; a part that shows what may have changed reads again when it is shown anew. */
  make: () => HTMLElement;
  onShow?: () => void;
}

export class Tabs {
  readonly element: HTMLElement;
  private readonly list: HTMLElement;
  private readonly made = new Map<string, HTMLElement>();
  private chosen = "";

  constructor(label: string, private readonly tabs: Tab[], private readonly onChoose: (name: string) => void) {
    this.list = h("div", { class: "tab-list", role: "tablist", "aria-label": label,
      onkeydown: (event: KeyboardEvent) => this.onKey(event) },
    ...tabs.map((tab) => h("button", { type: "button", role: "tab", class: "tab", id: `tab-${tab.name}`,
      "data-tab": tab.name, "aria-controls": `panel-${tab.name}`, onclick: () => this.choose(tab.name) }, tab.title)));
    this.element = h("div", { class: "tabs" }, this.list);
  }

  choose(name: string): void {
    const tab = this.tabs.find((one) => one.name === name) ?? this.tabs[0];
    if (tab === undefined) return;
    const isOther = tab.name !== this.chosen;
    this.chosen = tab.name;
    if (!this.made.has(tab.name)) {
      const panel = h("div", { class: "tab-panel", role: "tabpanel", id: `panel-${tab.name}`,
        "data-panel": tab.name, "aria-labelledby": `tab-${tab.name}`, tabindex: "-1" }, tab.make());
      this.made.set(tab.name, panel);
      this.element.append(panel);
    } else if (isOther) {
      tab.onShow?.();
    }
    for (const [other, panel] of this.made) panel.hidden = other !== tab.name;
    for (const button of this.list.querySelectorAll<HTMLElement>("[role=tab]")) {
      const isChosen = button.dataset["tab"] === tab.name;
      button.setAttribute("aria-selected", String(isChosen));
      button.tabIndex = isChosen ? 0 : -1;
    }
    if (isOther) this.onChoose(tab.name);
  }

  private onKey(event: KeyboardEvent): void {
    const at = this.tabs.findIndex((tab) => tab.name === this.chosen);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.tabs.length - 1 }[event.key];
    const tab = to === undefined ? undefined : this.tabs.at(to % this.tabs.length);
    if (tab === undefined) return;
    event.preventDefault();
    this.choose(tab.name);
    this.list.querySelector<HTMLElement>(`[data-tab="${tab.name}"]`)?.focus();
  }
}
