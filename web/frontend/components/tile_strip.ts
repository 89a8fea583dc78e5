/** The strip under a tile's picture: what it shows, in words, and what can be done with it. */

import { formatCode } from "../clock";
import type { Alarm, Channel } from "../contract";
import { h, icon, iconButton } from "../dom";
import { t } from "../i18n";
import type { TileState } from "../player/tile_state";
import { chooseStream, streamChoice } from "../player/stream_choice";
import { levelBadge } from "./level";

/** GB/T 28181: 3 is a fixed camera. */
const FIXED = 3;

/** Only a catalogue that calls a camera fixed says that it does not turn. */
export function canTurn(channel: Pick<Channel, "ptz_type">): boolean {
  return Number(channel.ptz_type) !== FIXED;
}

export interface StripFacts {
  number: number;
  channel: Channel | null;
  state: TileState["name"];
  /** Null while the live picture is shown. */
  replay: "playing" | "paused" | null;
  alarm: Alarm | null;
  facts: HTMLElement;
}

export interface StripTools {
  talk: HTMLElement | null;
  hasSound: boolean;
  hasPtz: boolean;
  mayOperate: boolean;
  isPoor: boolean;
  onWhy: () => void;
  onSound: () => void;
  onReplay: () => void;
  onPtz: () => void;
  onInfo: () => void;
  onClose: () => void;
}

/** The words of the strip. */
export function stripContent(shown: StripFacts): (Node | null)[] {
  const { channel } = shown;
  const number = h("span", { class: "tile-number" }, shown.number);
  if (channel === null) return [number, h("span", { class: "quiet" }, t("tile.empty"))];
  return [
    number,
    stateBadge(shown),
    shown.alarm === null ? null : levelBadge(shown.alarm.level),
    h("span", { class: "tile-name", title: `${channel.name}\n${formatCode(channel.code)}` }, channel.name),
    shown.facts,
    channel.recording ? h("span", { class: "tile-recording", title: t("tile.recording") }, icon("record")) : null,
  ];
}

function stateBadge({ state, replay }: StripFacts): HTMLElement {
  if (replay === null || state !== "live") {
    return h("span", { class: `tile-state tile-state-${state}` }, t(`tile.state.${state}`));
  }
  return h("span", { class: "tile-state tile-state-replay" }, t(replay === "paused" ? "replay.state_paused" : "replay.state"));
}

/** The buttons of the strip. */
export function stripTools(channel: Channel, tools: StripTools): HTMLElement {
  const { hasSound } = tools;
  return h("span", { class: "tile-tools" },
    tools.isPoor ? iconButton("level-3", t("doctor.poor"), tools.onWhy, { "data-action": "why-poor", class: "icon-button tile-poor" }) : null,
    tools.talk,
    iconButton(hasSound ? "sound" : "mute", t(hasSound ? "tile.sound_off" : "tile.sound_on"), tools.onSound,
      { "data-action": "sound", "aria-pressed": String(hasSound) }),
    iconButton("replay", t("tile.replay"), tools.onReplay, { "data-action": "replay" }),
    streamButton(channel.code),
    tools.mayOperate ? ptzButton(channel, tools) : null,
    iconButton("info", t("tile.info"), tools.onInfo, { "data-action": "info" }),
    iconButton("close", t("tile.close"), tools.onClose, { "data-action": "close" }));
}

/** Main or sub stream: a small word, since no icon says it. */
function streamButton(code: string): HTMLElement {
  const isSub = streamChoice(code) === "sub";
  return h("button", { type: "button", class: "icon-button stream-choice", "data-action": "stream", "data-stream": streamChoice(code),
    "aria-pressed": String(isSub), title: t(isSub ? "tile.to_main" : "tile.to_sub"), "aria-label": t(isSub ? "tile.to_main" : "tile.to_sub"),
    onclick: () => chooseStream(code, isSub ? "main" : "sub") }, t(isSub ? "tile.sub" : "tile.main"));
}

function ptzButton(channel: Channel, { hasPtz, onPtz }: StripTools): HTMLElement {
  const turns = canTurn(channel);
  return iconButton("ptz", t(turns ? "tile.ptz" : "tile.ptz_missing"), onPtz,
    { "data-action": "ptz", "aria-pressed": String(hasPtz), disabled: !turns });
}
