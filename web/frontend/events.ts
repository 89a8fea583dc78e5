/**
 * The event WebSocket: typed events to whoever asked, reconnection with back-off, and a word to
 * everyone at each connection so that they read the state anew over REST (events are not replayed).
 */

import { Backoff } from "./backoff";
import type { EventBodies, EventType } from "./contract";

type Handler<Type extends EventType> = (body: EventBodies[Type], at: string) => void;

/** Close code of the server: the session is over. */
const SESSION_ENDED = 4401;

/** The type, time and body of one message, or null for what is no event. */
export function parseEvent(text: string): { type: string; at: string; body: object } | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return null;
  const { type, at, ...body } = value as Record<string, unknown>;
  return typeof type === "string" ? { type, at: String(at), body } : null;
}

export class EventStream {
  private readonly handlers = new Map<string, Set<Handler<never>>>();
  private readonly linkHandlers = new Set<(isUp: boolean) => void>();
  private readonly gapHandlers = new Set<() => void>();
  private readonly backoff = new Backoff();
  private socket: WebSocket | null = null;
  private timer = 0;

  /** `types` is what this page needs; the server sends nothing else. */
  constructor(
    private readonly types: readonly EventType[],
    private readonly onSignedOut: () => void = () => undefined,
  ) {}

  open(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(
      `${scheme}://${location.host}/api/v1/events?types=${this.types.join(",")}`);
    this.socket = socket;
    socket.onopen = () => {
      this.backoff.reset();
      for (const handler of this.linkHandlers) handler(true);
      // The first connection has a gap before it too: what the page has read by now may be older.
      this.tellGap();
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (typeof message.data === "string") this.dispatch(message.data);
    };
    socket.onclose = (event) => {
      if (event.code === SESSION_ENDED) this.onSignedOut();
      this.reopen(socket);
    };
  }

  /** Listen; for a type that was not asked for nothing would ever come, so that is a defect. */
  on<Type extends EventType>(type: Type, handler: Handler<Type>): void {
    if (!this.types.includes(type)) throw new Error(`nobody asked the server for ${type}`);
    const set = this.handlers.get(type) ?? new Set();
    set.add(handler as Handler<never>);
    this.handlers.set(type, set);
  }

  /** After a gap: read everything anew. */
  onGap(handler: () => void): void {
    this.gapHandlers.add(handler);
  }

  /** The link's state, for the status line. */
  onLinkChange(handler: (isUp: boolean) => void): void {
    this.linkHandlers.add(handler);
  }

  private tellGap(): void {
    for (const handler of this.gapHandlers) handler();
  }

  private reopen(socket: WebSocket): void {
    if (socket !== this.socket) return;
    for (const handler of this.linkHandlers) handler(false);
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.open(), this.backoff.next());
  }

  private dispatch(text: string): void {
    const event = parseEvent(text);
    if (event === null) return;
    // The server says so when this page was too slow for its events.
    if (event.type === "dropped") this.tellGap();
    for (const handler of this.handlers.get(event.type) ?? []) {
      (handler as (body: object, at: string) => void)(event.body, event.at);
    }
  }
}
