/** A person's microphone into a talk or live broadcast: capture, level, the socket that carries it. */

import type { Broadcast } from "./contract";

const WORKLET = "/static/dist/voice_capture.js";
/** Sound that the network has not taken is late sound: above this it is left out. */
const MOST_BUFFERED_BYTES = 64_000;

/** Why a microphone cannot be used; each has words in the catalogues. */
export type MicrophoneFault = "insecure" | "no_device" | "not_allowed" | "failed";

export class MicrophoneError extends Error {
  constructor(readonly fault: MicrophoneFault) {
    super(fault);
  }
}

/** Browsers give a microphone only to pages over https or on the machine itself. */
export function microphoneFault(): MicrophoneFault | null {
  if (!window.isSecureContext || navigator.mediaDevices === undefined) return "insecure";
  return null;
}

export interface MicrophoneOptions {
  /** The state as the server tells it, several times a second. */
  onState: (state: Broadcast) => void;
  /** 0 to 1, 50 times a second. */
  onLevel: (peak: number) => void;
  /** Nothing more is heard; the last state tells why. */
  onEnd: () => void;
}

export class Microphone {
  private socket: WebSocket | null = null;
  private isClosed = false;

  private constructor(
    private readonly stream: MediaStream,
    private readonly context: AudioContext,
    private readonly options: MicrophoneOptions,
  ) {}

  /** Ask for the microphone; throws MicrophoneError. Nothing is sent before `connect`. */
  static async open(options: MicrophoneOptions): Promise<Microphone> {
    const fault = microphoneFault();
    if (fault !== null) throw new MicrophoneError(fault);
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
      });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      throw new MicrophoneError(name === "NotFoundError" ? "no_device"
        : name === "NotAllowedError" ? "not_allowed" : "failed");
    }
    const context = new AudioContext();
    const microphone = new Microphone(stream, context, options);
    try {
      await microphone.capture();
    } catch {
      microphone.close();
      throw new MicrophoneError("failed");
    }
    return microphone;
  }

  /** Begin to send to the address that the server named. */
  connect(address: string): void {
    const url = new URL(address, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    url.searchParams.set("format", "s16");
    url.searchParams.set("rate", String(Math.round(this.context.sampleRate)));
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => {
      if (typeof event.data === "string") this.options.onState(JSON.parse(event.data) as Broadcast);
    });
    socket.addEventListener("close", () => {
      this.close();
      this.options.onEnd();
    });
    this.socket = socket;
    if (this.isClosed) socket.close();
  }

  /** Let go of the microphone and end the talk; again and again is fine. */
  close(): void {
    this.isClosed = true;
    for (const track of this.stream.getTracks()) track.stop();
    if (this.context.state !== "closed") void this.context.close();
    this.socket?.close();
  }

  private async capture(): Promise<void> {
    await this.context.audioWorklet.addModule(WORKLET);
    await this.context.resume();
    const capture = new AudioWorkletNode(this.context, "voice-capture", {
      numberOfInputs: 1, numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit",
    });
    capture.port.addEventListener("message", (event) => {
      const { samples, peak } = event.data as { samples: ArrayBuffer; peak: number };
      this.options.onLevel(peak);
      const { socket } = this;
      if (socket?.readyState === WebSocket.OPEN && socket.bufferedAmount < MOST_BUFFERED_BYTES) {
        socket.send(samples);
      }
    });
    capture.port.start();
    this.context.createMediaStreamSource(this.stream).connect(capture);
  }
}
