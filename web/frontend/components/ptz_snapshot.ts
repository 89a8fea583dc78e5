/** A picture that the camera itself takes: ordered, waited for, shown. */

import type { Api } from "../api";
import { ControlApi, type SnapshotOrder } from "../control_api";
import { h, icon } from "../dom";
import { t } from "../i18n";
import { openDialog } from "./dialog";
import { attempt, toast } from "./toast";

const ASK_MS = 700;
const PATIENCE_MS = 45_000;

export async function takeSnapshot(api: Api, code: string, name: string): Promise<void> {
  await attempt(async () => {
    const control = new ControlApi(api);
    let order = await control.orderSnapshot(code);
    toast(t("ptz.snapshot_ordered"));
    order = await waited(control, code, order);
    const picture = order.received[0];
    if (order.state !== "done" || picture === undefined) {
      toast(t("ptz.snapshot_failed"), "bad");
      return;
    }
    showPicture(name, `/api/v1/snapshots/${picture}`, picture);
  });
}

/** A picture of a camera in full, with the way to keep it. */
export function showPicture(name: string, url: string, file: string): void {
  void openDialog({ title: t("ptz.snapshot_of", { name }), name: "snapshot",
    body: [h("img", { class: "ptz-snapshot", src: url, alt: t("ptz.snapshot_of", { name }) }),
      h("a", { class: "button button-small", href: url, download: file }, icon("download"), t("ptz.snapshot_save"))] });
}

async function waited(control: ControlApi, code: string, order: SnapshotOrder): Promise<SnapshotOrder> {
  const end = Date.now() + PATIENCE_MS;
  let seen = order;
  while (seen.state === "running" && Date.now() < end) {
    await new Promise((resolve) => window.setTimeout(resolve, ASK_MS));
    seen = await control.snapshotOrder(code, order.session_id);
  }
  return seen;
}
