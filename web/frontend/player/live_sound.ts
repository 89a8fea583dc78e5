/** What a camera hears, from its own socket to the loudspeaker; G.711 has no place in a browser's MP4. */

const WORKLET = "/static/dist/voice_player.js";
const RATE = 8_000;

export class LiveSound {
  private context: AudioContext | null = null;
  private socket: WebSocket | null = null;

  constructor(private readonly code: string, private readonly onHeard: (samples: number) => void) {}

  get isOn(): boolean {
    return this.context !== null;
  }

  /** Begin to listen; only after a click, or browsers keep it silent. */
  async open(): Promise<void> {
    if (this.context !== null) return;
    const context = new AudioContext({ sampleRate: RATE });
    this.context = context;
    await context.resume();
    await context.audioWorklet.addModule(WORKLET);
    if (this.context !== context) return;
    const player = new AudioWorkletNode(context, "voice-player", {
      numberOfInputs: 0, outputChannelCount: [1],
    });
    player.connect(context.destination);
    const url = new URL(`/live/${this.code}.sound`, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      if (!(event.data instanceof ArrayBuffer)) return;
      this.onHeard(event.data.byteLength / 2);
      player.port.postMessage(event.data, [event.data]);
    });
    this.socket = socket;
  }

  close(): void {
    const { context } = this;
    this.context = null;
    this.socket?.close();
    this.socket = null;
    if (context !== null && context.state !== "closed") void context.close();
  }
}
