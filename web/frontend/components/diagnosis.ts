/** Why a live WebSocket was refused: browsers do not tell, so the REST API is asked. */

import { Problem, type Api } from "../api";
import { failureOf } from "../player/protocol";
import type { TileEvent } from "../player/tile_state";

/** The verdict as an event for the tile's state machine. */
export async function diagnose(api: Api, code: string): Promise<TileEvent> {
  try {
    const channel = await api.channel(code);
    if (!channel.online) {
      return { type: "offline", since: channel.state_since ?? channel.missing_since, cause: channel.cause };
    }
    const status = await api.startLive(code);
    if (status.state !== "failed") return { type: "closed", reason: "connection" };
    return { type: "failed", ...failureOf(status) };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 403) return { type: "denied" };
    if (error.status === 0) return { type: "closed", reason: "server" };
    return { type: "failed", step: null, reason: error.code, title: error.title, hint: error.detail,
      detail: "" };
  }
}
