/**
 * What a tile says about its picture, as a pure state machine: events and the time in, state out.
 *
 * The one promise: a picture that does not move is never shown as live. `live` is entered by a
 * presented frame only and left by the clock alone, whatever the network says.
 *
 *   idle ─open→ connecting ─frame→ live ─3 s without a frame→ stalled ─frame→ live
 *   connecting, live, stalled ─closed→ connecting (again, with the reason of the last end)
 *   any ─failed→ failed ─open→ connecting      any ─unplayable→ unplayable
 *   any ─offline→ offline ─open→ connecting    any ─denied→ denied
 */

export const STALL_AFTER_MS = 3_000;

/** Why there is no picture: the server's word, and what it means to people. */
export interface Failure {
  step: string | null;
  reason: string;
  title: string;
  hint: string;
  detail: string;
}

export type TileState =
  | { name: "idle" }
  | { name: "connecting"; step: string | null; transport: string | null; since: number; attempt: number; reason: string | null }
  | { name: "live"; since: number; lastFrameAt: number }
  | { name: "stalled"; since: number; reason: string | null }
  | { name: "offline"; since: string | null; cause: string | null }
  | ({ name: "failed"; since: number } & Failure)
  | { name: "unplayable"; codec: string; mime: string }
  | { name: "denied" };

export type TileEvent =
  | { type: "open" }
  | { type: "step"; step: string | null; transport?: string | null }
  | { type: "frame" }
  | { type: "tick"; isVisible: boolean }
  | { type: "closed"; reason: string | null }
  | ({ type: "failed" } & Failure)
  | { type: "unplayable"; codec: string; mime: string }
  | { type: "offline"; since: string | null; cause: string | null }
  | { type: "denied" }
  | { type: "close" };

/** The next state; the same object when nothing changes. */
export function next(state: TileState, event: TileEvent, now: number): TileState {
  switch (event.type) {
    case "open":
      return connecting(state, now);
    case "step":
      return onStep(state, event.step, event.transport ?? null);
    case "frame":
      return onFrame(state, now);
    case "tick":
      return onTick(state, event.isVisible, now);
    case "closed":
      return onClosed(state, event.reason);
    case "failed":
      return onFailed(event, now);
    case "unplayable":
      return { name: "unplayable", codec: event.codec, mime: event.mime };
    case "offline":
      return { name: "offline", since: event.since, cause: event.cause };
    case "denied":
      return { name: "denied" };
    case "close":
      return { name: "idle" };
  }
}

/** A next attempt of the same wish goes on counting, and remembers why the last one ended. */
function connecting(state: TileState, now: number): TileState {
  if (state.name !== "connecting") return { name: "connecting", step: null, transport: null, since: now, attempt: 1, reason: null };
  return { ...state, step: null, attempt: state.attempt + 1 };
}

function onFailed({ type: _, ...failure }: { type: "failed" } & Failure, now: number): TileState {
  return { name: "failed", since: now, ...failure };
}

function onStep(state: TileState, step: string | null, transport: string | null): TileState {
  if (state.name !== "connecting" || (state.step === step && state.transport === transport)) return state;
  return { ...state, step, transport };
}

/** Only a picture that somebody can see moving is live; after the end it may not revive a tile. */
function onFrame(state: TileState, now: number): TileState {
  switch (state.name) {
    case "live":
      return { ...state, lastFrameAt: now };
    case "connecting":
    case "stalled":
      return { name: "live", since: now, lastFrameAt: now };
    default:
      return state;
  }
}

/** A hidden page presents no frames: time spent hidden is no stall. */
function onTick(state: TileState, isVisible: boolean, now: number): TileState {
  if (state.name !== "live") return state;
  if (!isVisible) return { ...state, lastFrameAt: now };
  if (now - state.lastFrameAt < STALL_AFTER_MS) return state;
  return { name: "stalled", since: state.lastFrameAt, reason: null };
}

/** The connection went: a picture that was there stays, dimmed, with the time it stopped. */
function onClosed(state: TileState, reason: string | null): TileState {
  switch (state.name) {
    case "live":
      return { name: "stalled", since: state.lastFrameAt, reason };
    case "stalled":
      return { ...state, reason };
    case "connecting":
      return { ...state, step: null, reason };
    default:
      return state;
  }
}
