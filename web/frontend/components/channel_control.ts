/** What a camera is told to do besides turning by hand: record, key frame, angles, scan, tracking, pictures. */

import type { Api } from "../api";
import type { Channel } from "../contract";
import { ControlApi, STOP, type Aim, type Picture, type ScanAction } from "../control_api";
import { h, icon, type IconName } from "../dom";
import { t, type Key } from "../i18n";
import { timeWithAge } from "./age";
import { field } from "./dialog";
import { showPicture, takeSnapshot } from "./ptz_snapshot";
import { readInto } from "./reading";
import { attempt } from "./toast";

const SCAN_GROUP = 0;
const SCAN_SPEED = 100;
const PICTURES_SHOWN = 12;

function button(action: string, label: string, run: () => void, sign: IconName | null = null): HTMLElement {
  return h("button", { type: "button", class: "button button-small", "data-action": action, onclick: run },
    sign === null ? null : icon(sign), label);
}

/** Recording on the device's own disk or card, and a key frame. */
export function channelActs(api: Api, code: string): HTMLElement {
  const control = new ControlApi(api);
  const record = (on: boolean, done: Key): void => void attempt(() => control.recordOnDevice(code, on), t(done));
  return h("div", { class: "button-row" },
    button("device-recording-on", t("control.record_on"), () => record(true, "control.record_on_done"), "record"),
    button("device-recording-off", t("control.record_off"), () => record(false, "control.record_off_done"), "stop"),
    button("key-frame", t("control.key_frame"),
      () => void attempt(() => control.keyFrame(code), t("control.key_frame_done")), "refresh"));
}

/** Where the head looks, in degrees, and the way to turn it there; scan and tracking. */
export function headControl(api: Api, channel: Channel): HTMLElement {
  const control = new ControlApi(api);
  const { code } = channel;
  const place = h("div", {});
  const read = (): Promise<void> => readInto(place, async () => [aimForm(await control.position(code), async (aim) => {
    await attempt(() => control.aim(code, aim), t("aim.turning"));
  }, () => void read())]);
  void read();
  const scan = (action: ScanAction, done: Key): void =>
    void attempt(() => control.scan(code, SCAN_GROUP, action, SCAN_SPEED), t(done));
  return h("div", { class: "head-control" }, place,
    h("h4", {}, t("scan.title")),
    h("div", { class: "button-row" },
      button("scan-left", t("scan.left"), () => scan("left", "scan.edge_set")),
      button("scan-right", t("scan.right"), () => scan("right", "scan.edge_set")),
      button("scan-start", t("scan.start"), () => scan("start", "scan.started"), "play"),
      button("scan-stop", t("scan.stop"), () => void attempt(() => control.steer(code, STOP), t("scan.stopped")), "stop")),
    h("h4", {}, t("track.title")),
    h("div", { class: "button-row" },
      button("track-auto", t("track.auto"), () => void attempt(() => control.track(code, "auto"), t("track.started")), "play"),
      button("track-stop", t("track.stop"), () => void attempt(() => control.track(code, "stop"), t("track.stopped")), "stop")));
}

function aimForm(aim: Aim, turn: (aim: Aim) => Promise<void>, read: () => void): HTMLElement {
  const number = (name: keyof Aim, least: number, most: number): HTMLInputElement => h("input", { name, type: "number",
    min: String(least), max: String(most), step: "any", value: aim[name] === null ? "" : String(aim[name]) });
  const pan = number("pan", 0, 360);
  const tilt = number("tilt", -30, 90);
  const zoom = number("zoom", 1, 1000);
  const form = h("form", { class: "aim-form" },
    h("div", { class: "field-three" }, field(t("aim.pan"), pan), field(t("aim.tilt"), tilt), field(t("aim.zoom"), zoom)),
    h("p", { class: "field-hint" }, t("aim.hint")),
    h("div", { class: "button-row" },
      h("button", { type: "submit", class: "button button-small", "data-action": "aim" }, icon("ptz"), t("aim.turn")),
      button("read-aim", t("aim.read"), read, "refresh")));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void turn({ pan: typedNumber(pan.value), tilt: typedNumber(tilt.value), zoom: typedNumber(zoom.value) });
  });
  return form;
}

/** Empty is "stays as it is". */
export function typedNumber(text: string): number | null {
  return text.trim() === "" ? null : Number(text);
}

/** The pictures that the camera took, newest first, and the button that takes one. */
export function pictureList(api: Api, channel: Channel, mayTake: boolean): HTMLElement {
  const control = new ControlApi(api);
  const place = h("div", {});
  const read = (): Promise<void> => readInto(place, async () => thumbnails(channel, await control.pictures(channel.code)));
  void read();
  return h("div", {}, place, h("div", { class: "button-row" },
    mayTake ? button("take-picture", t("ptz.snapshot"),
      () => void takeSnapshot(api, channel.code, channel.name).then(read), "camera") : null,
    button("read-pictures", t("pictures.read"), () => void read(), "refresh")));
}

function thumbnails(channel: Channel, pictures: Picture[]): Node[] {
  if (pictures.length === 0) return [h("p", { class: "quiet" }, t("pictures.none"))];
  return [h("ul", { class: "thumbnails" }, ...pictures.slice(0, PICTURES_SHOWN).map((picture) =>
    h("li", {}, h("button", { type: "button", class: "thumbnail", "data-picture": picture.name,
      onclick: () => showPicture(channel.name, picture.url, picture.name) },
    h("img", { src: picture.url, alt: t("ptz.snapshot_of", { name: channel.name }), loading: "lazy" }),
    timeWithAge(picture.taken_at)))))];
}
