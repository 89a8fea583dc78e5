/** How the sound of a live picture reaches the browser. */

import type { LiveStatus } from "../contract";

export type SoundWay = "picture" | "socket";

/** AAC comes with the picture and is only muted; G.711, which no browser plays in MP4, by a socket of its own. */
export function soundWay(status: Partial<LiveStatus>): SoundWay {
  return status.audio_codec === "aac" ? "picture" : "socket";
}
