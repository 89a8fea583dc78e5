/**
 * The alarms this page knows: newest first, kept right by events and, after a gap, by REST.
 * Pure of DOM; views subscribe.
 */

import type { Api } from "./api";
import type { Alarm, Id } from "./contract";
import type { EventStream } from "./events";

const KEPT = 60;

export type AlarmChange = { alarm: Alarm; isNew: boolean } | null;

export class AlarmBook {
  private readonly byId = new Map<string, Alarm>();
  private readonly listeners = new Set<(change: AlarmChange) => void>();
  /** What came while the list was being read: the answer may be older. */
  private readonly meanwhile = new Set<Alarm[]>();
  /** How many in the whole system nobody has acknowledged. */
  unacknowledged = 0;

  constructor(private readonly api: Api) {}

  /** Follow the stream of events. */
  follow(events: EventStream): void {
    events.on("alarm_raised", (alarm) => this.take(alarm));
    events.on("alarm_updated", (alarm) => this.take(alarm));
    events.onGap(() => void this.reload());
  }

  onChange(listener: (change: AlarmChange) => void): void {
    this.listeners.add(listener);
  }

  /** Newest first. */
  list(): Alarm[] {
    return [...this.byId.values()].sort((a, b) => Date.parse(b.raised_at) - Date.parse(a.raised_at));
  }

  get(id: Id): Alarm | undefined {
    return this.byId.get(String(id));
  }

  /** The gravest alarm of a channel that nobody has acknowledged. */
  activeOf(channel: string): Alarm | undefined {
    return this.list()
      .filter((alarm) => alarm.channel === channel && alarm.state === "raised")
      .sort((a, b) => a.level - b.level)[0];
  }

  async reload(): Promise<void> {
    const news: Alarm[] = [];
    this.meanwhile.add(news);
    try {
      const [recent, open] = await Promise.all([
        this.api.alarms({ page: 1, size: KEPT }),
        this.api.alarms({ state: "raised", page: 1, size: 1 }),
      ]);
      this.byId.clear();
      for (const alarm of recent.items) this.byId.set(String(alarm.id), alarm);
      this.unacknowledged = open.total;
    } finally {
      this.meanwhile.delete(news);
    }
    for (const alarm of news) this.put(alarm);
    this.tell(null);
  }

  /** Take in one alarm, from an event or from the answer of a request. */
  take(alarm: Alarm): void {
    for (const news of this.meanwhile) news.push(alarm);
    const isKnown = this.byId.has(String(alarm.id));
    if (this.put(alarm)) this.tell({ alarm, isNew: !isKnown && alarm.state === "raised" });
  }

  /** Write it down and count it; false when more is known already. */
  private put(alarm: Alarm): boolean {
    const before = this.byId.get(String(alarm.id));
    if (before !== undefined && isOlder(alarm, before)) return false;
    this.unacknowledged += Number(alarm.state === "raised") - Number(before?.state === "raised");
    this.unacknowledged = Math.max(0, this.unacknowledged);
    this.byId.set(String(alarm.id), alarm);
    this.forgetOldest();
    return true;
  }

  private forgetOldest(): void {
    if (this.byId.size <= KEPT) return;
    for (const alarm of this.list().slice(KEPT)) this.byId.delete(String(alarm.id));
  }

  private tell(change: AlarmChange): void {
    for (const listener of this.listeners) listener(change);
  }
}

const ORDER = { raised: 0, acknowledged: 1, cleared: 2 } as const;

/** An answer and its event may arrive in either order; states only go forward. */
function isOlder(alarm: Alarm, known: Alarm): boolean {
  return ORDER[alarm.state] < ORDER[known.state];
}
