import { describe, expect, it, vi } from "vitest";
import { AlarmBook } from "../alarm_book";
import type { Api } from "../api";
import type { Alarm, AlarmState } from "../contract";

function alarm(id: number, state: AlarmState = "raised", more: Partial<Alarm> = {}): Alarm {
  return {
    id: String(id), channel: "c1", channel_name: "井口", kind: "intrusion", level: 2, state,
    raised_at: new Date(1_000_000 * id).toISOString(), acknowledged_at: null, acknowledged_by: null,
    cleared_at: null, cleared_by: null, note: null, detail: {}, snapshot_url: null, boxes: [], count: 1, ...more,
  };
}

function book(items: Alarm[] = []): AlarmBook {
  const alarms = vi.fn((query: { state?: string }) => Promise.resolve({
    items: query.state === undefined ? items : [], page: 1, size: 1,
    total: items.filter((one) => one.state === "raised").length,
  }));
  return new AlarmBook({ alarms } as unknown as Api);
}

describe("the book of alarms", () => {
  it("lists the newest first and counts what nobody acknowledged", async () => {
    const made = book([alarm(1), alarm(3), alarm(2, "cleared")]);
    await made.reload();
    expect(made.list().map((one) => one.id)).toEqual(["3", "2", "1"]);
    expect(made.unacknowledged).toBe(2);
  });

  it("counts an alarm once, however often it is told", () => {
    const made = book();
    made.take(alarm(1));
    made.take(alarm(1, "raised", { count: 2 }));
    expect(made.unacknowledged).toBe(1);
    made.take(alarm(1, "acknowledged"));
    expect(made.unacknowledged).toBe(0);
  });

  it("is not set back by an event that arrives after a later answer", () => {
    const made = book();
    made.take(alarm(1, "acknowledged"));
    made.take(alarm(1, "raised"));
    expect(made.get("1")?.state).toBe("acknowledged");
  });

  it("loses no alarm that comes while the list is being read", async () => {
    const made = book([alarm(1)]);
    const reading = made.reload();
    made.take(alarm(2));
    made.take(alarm(1, "acknowledged"));
    await reading;
    expect(made.list().map((one) => [one.id, one.state])).toEqual([["2", "raised"], ["1", "acknowledged"]]);
    expect(made.unacknowledged).toBe(1);
  });

  it("tells which alarms are new: sounds and pop-ups are for those only", () => {
    const made = book();
    const news: boolean[] = [];
    made.onChange((change) => news.push(change?.isNew ?? false));
    made.take(alarm(1));
    made.take(alarm(1, "raised", { count: 2 }));
    made.take(alarm(2, "cleared"));
    expect(news).toEqual([true, false, false]);
  });

  it("gives a channel its gravest open alarm", () => {
    const made = book();
    made.take(alarm(1, "raised", { level: 3 }));
    made.take(alarm(2, "raised", { level: 1 }));
    made.take(alarm(3, "acknowledged", { level: 1 }));
    expect(made.activeOf("c1")?.id).toBe("2");
    expect(made.activeOf("c2")).toBeUndefined();
  });

  it("keeps a bounded number", () => {
    const made = book();
    for (let id = 1; id <= 200; id += 1) made.take(alarm(id));
    expect(made.list()).toHaveLength(60);
    expect(made.list()[0]?.id).toBe("200");
  });
});
