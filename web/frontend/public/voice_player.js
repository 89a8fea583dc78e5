/**
 * Plays 16-bit mono that arrives in messages. At most a quarter of a second waits, the oldest goes
 * first: sound that is late is worse than sound that is missing.
 */
class VoicePlayer extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.waiting = 0;
    this.position = 0;
    this.isGathering = true;
    this.port.onmessage = (event) => {
      const samples = new Int16Array(event.data);
      this.queue.push(samples);
      this.waiting += samples.length;
      while (this.waiting > sampleRate / 4 && this.queue.length > 1) this.drop();
      if (this.waiting > sampleRate / 12) this.isGathering = false;
    };
  }

  drop() {
    const oldest = this.queue.shift();
    this.waiting -= oldest.length - this.position;
    this.position = 0;
  }

  process(_, outputs) {
    const output = outputs[0][0];
    for (let index = 0; index < output.length; index += 1) output[index] = this.next();
    return true;
  }

  next() {
    const first = this.queue[0];
    if (this.isGathering || first === undefined) {
      this.isGathering = true;
      return 0;
    }
    const value = first[this.position] / 32768;
    this.position += 1;
    this.waiting -= 1;
    if (this.position === first.length) {
      this.queue.shift();
      this.position = 0;
    }
    return value;
  }
}

registerProcessor("voice-player", VoicePlayer);
