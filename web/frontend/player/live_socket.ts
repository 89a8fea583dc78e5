/** The WebSocket of one live channel: typed messages up, one verdict when it ends. */

import { parseLiveMessage, type LiveMessage } from "./protocol";

export interface LiveSocketEvents {
  onMessage(message: LiveMessage): void;
  onData(data: ArrayBuffer): void;
  /** `isRefused`: it never opened, so the reason must be asked for over REST. */
  onEnd(isRefused: boolean): void;
}

export class LiveSocket {
  private readonly socket: WebSocket;
  private wasOpen = false;

  /** `name` is what stands below `/live/`: a channel's code, or `playbacks/…`. */
  constructor(name: string, events: LiveSocketEvents, query = "") {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const path = name.split("/").map(encodeURIComponent).join("/");
    this.socket = new WebSocket(`${scheme}://${location.host}/live/${path}.ws${query}`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => { this.wasOpen = true; };
    this.socket.onmessage = (message: MessageEvent<string | ArrayBuffer>) => {
      if (message.data instanceof ArrayBuffer) {
        events.onData(message.data);
        return;
      }
      const parsed = parseLiveMessage(message.data);
      if (parsed !== null) events.onMessage(parsed);
    };
    this.socket.onclose = () => events.onEnd(!this.wasOpen);
  }

  /** Stop listening and hang up; no event follows. */
  close(): void {
    this.socket.onopen = null;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
  }
}
