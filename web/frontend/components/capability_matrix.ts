/** What one device was seen to be able to do: what was tried, when, what came of it; and a test. */

import type { Api } from "../api";
import type { Capability, CapabilityMatrix } from "../contract";
import { fill, h, icon } from "../dom";
import { t, tServer } from "../i18n";
import { timeWithAge } from "./age";
import { attempt } from "./toast";

const LOOK_EVERY_MS = 1000;
const CONFIG = "config.";

/** The matrix with its button; reads itself and follows a running test until it is taken away. */
export function capabilityMatrix(api: Api, deviceId: string, mayTest: boolean): HTMLElement {
  const list = h("div", { class: "capability-list" });
  const button = h("button", { type: "button", class: "button button-small", "data-action": "test-capabilities",
    onclick: () => void attempt(async () => show(await api.testCapabilities(deviceId))) },
    icon("check"), t("capability.test"));
  const progress = h("progress", { hidden: true, "aria-label": t("capability.test") });
  const words = h("span", { class: "quiet", role: "status" });
  const element = h("div", { class: "capabilities" },
    mayTest ? h("div", { class: "button-row" }, button, progress, words) : null, list);

  function show(matrix: CapabilityMatrix): void {
    const { test } = matrix;
    button.disabled = test !== null;
    progress.hidden = test === null;
    if (test !== null) {
      progress.max = Math.max(test.total, 1);
      progress.value = test.done;
      window.setTimeout(() => void look(), LOOK_EVERY_MS);
    }
    words.textContent = test === null ? "" : t("capability.progress", { done: test.done, total: test.total });
    fill(list, matrix.items.length === 0
      ? h("p", { class: "quiet" }, t("capability.none"))
      : h("ul", { class: "plain-list" }, ...matrix.items.map(line)));
  }

  async function look(): Promise<void> {
    // Without a place on the page nobody sees it: a test that runs goes on in the server.
    if (element.isConnected) await attempt(async () => show(await api.capabilities(deviceId)));
  }

  queueMicrotask(() => void look());
  return element;
}

function line(item: Capability): HTMLElement {
  return h("li", { class: "capability", "data-capability": item.name, "data-verdict": item.verdict },
    h("span", { class: "capability-name" }, nameOf(item.name)),
    h("span", { class: `tried tried-${item.verdict}`, title: item.detail ?? "" },
      tServer("verdict", item.verdict)),
    timeWithAge(item.at));
}

function nameOf(name: string): string {
  return name.startsWith(CONFIG)
    ? t("capability.config", { type: tServer("config.type", name.slice(CONFIG.length)) }) : tServer("capability", name);
}
