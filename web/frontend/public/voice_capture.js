/**
 * Runs beside the page's own thread: a microphone's samples to messages of 16-bit mono, 20 ms each,
 * with their peak for the meter. It must be a file of its own: a worklet's script is loaded by name.
 */
class VoiceCapture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.size = Math.round(sampleRate / 50);
    this.samples = new Int16Array(this.size);
    this.filled = 0;
    this.peak = 0;
  }

  process(inputs) {
    const channel = inputs[0]?.[0];
    if (channel === undefined) return true;
    for (const sample of channel) {
      const bounded = Math.max(-1, Math.min(1, sample));
      this.peak = Math.max(this.peak, Math.abs(bounded));
      this.samples[this.filled] = Math.round(bounded * 32767);
      this.filled += 1;
      if (this.filled === this.size) this.post();
    }
    return true;
  }

  post() {
    const full = this.samples;
    this.port.postMessage({ samples: full.buffer, peak: this.peak }, [full.buffer]);
    this.samples = new Int16Array(this.size);
    this.filled = 0;
    this.peak = 0;
  }
}

registerProcessor("voice-capture", VoiceCapture);
