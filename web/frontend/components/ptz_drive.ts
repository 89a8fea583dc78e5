/** Holding a movement: said again and again while it lasts, and stopped whatever happens. */

import { STOP, type Steering } from "../control_api";

export const RENEW_MS = 400;

type Timers = Pick<Window, "setInterval" | "clearInterval">;

export interface DriveOptions {
  /** Sends one steering; rejects with what the server says. */
  send: (steering: Steering) => Promise<unknown>;
  onProblem: (error: unknown) => void;
  timers?: Timers;
}

export function isStop(steering: Steering): boolean {
  return Object.values(steering).every((value) => value === 0);
}

/** One camera in one hand. The server stops a movement that is not renewed, so this only renews. */
export class PtzDrive {
  private steering: Steering = STOP;
  private timer: number | null = null;
  private isSending = false;
  private readonly timers: Timers;

  constructor(private readonly options: DriveOptions) {
    this.timers = options.timers ?? window;
  }

  get isMoving(): boolean {
    return this.timer !== null;
  }

  /** Begin, go on, or change direction; all 0 lets go. */
  hold(part: Partial<Steering>): void {
    const steering = { ...STOP, ...part };
    if (isStop(steering)) {
      this.release();
      return;
    }
    const isNew = !same(steering, this.steering);
    this.steering = steering;
    this.timer ??= this.timers.setInterval(() => this.renew(), RENEW_MS);
    if (isNew) void this.send(steering);
  }

  /** Stop; nothing is sent when nothing moves. */
  release(): void {
    if (this.timer === null) return;
    this.forget();
    void this.send(STOP);
  }

  /** Stop head, cruise and scan, moving or not. */
  stop(): void {
    this.forget();
    void this.send(STOP);
  }

  private renew(): void {
    // A slow line must not pile up renewals.
    if (!this.isSending) void this.send(this.steering);
  }

  private async send(steering: Steering): Promise<void> {
    this.isSending = true;
    try {
      await this.options.send(steering);
    } catch (error) {
      this.forget();
      this.options.onProblem(error);
    } finally {
      this.isSending = false;
    }
  }

  private forget(): void {
    if (this.timer !== null) this.timers.clearInterval(this.timer);
    this.timer = null;
    this.steering = STOP;
  }
}

function same(one: Steering, other: Steering): boolean {
  return (Object.keys(one) as (keyof Steering)[]).every((key) => one[key] === other[key]);
}

/** What keys mean while a camera is steered; null for any other key. */
export function keySteering(pressed: ReadonlySet<string>, speed: number): Partial<Steering> | null {
  const axis = (ahead: string[], back: string[]): number =>
    (Number(ahead.some((key) => pressed.has(key))) - Number(back.some((key) => pressed.has(key)))) * speed;
  return {
    pan: axis(["arrowright"], ["arrowleft"]),
    tilt: axis(["arrowup"], ["arrowdown"]),
    zoom: axis(["+", "="], ["-", "_"]),
  };
}

export const PTZ_KEYS: ReadonlySet<string> =
  new Set(["arrowright", "arrowleft", "arrowup", "arrowdown", "+", "=", "-", "_"]);

const DEAD_ZONE = 0.18;

/** A stick's axis: its rest position trembles. */
export function stickAxis(value: number | undefined): number {
  if (value === undefined || Math.abs(value) < DEAD_ZONE) return 0;
  const share = (Math.abs(value) - DEAD_ZONE) / (1 - DEAD_ZONE);
  return Math.sign(value) * Math.round(Math.min(1, share) * 10) / 10;
}

/** How far the pointer was drawn from where it was set down, as a speed. */
export function dragAxis(distancePx: number, rangePx: number): number {
  if (Math.abs(distancePx) < 8) return 0;
  return Math.max(-1, Math.min(1, Math.round((distancePx / rangePx) * 20) / 20));
}
