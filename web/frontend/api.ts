/**
 * The REST client: one function per use, errors as `Problem` (RFC 9457), the server's clock learnt
 * on the way. Nothing here knows the DOM, so it runs in tests as it is.
 */

import type {
  Access, Alarm, Announcement, Broadcast, BroadcastDraft, CapabilityMatrix, Channel, Device,
  Download, Id, LiveStatus, Page, Playback, Plugin, Position, QuirkLine, QuirkTable, RecordingList, Scene,
  SceneDraft, Segment, Session, Span, Subscription, SystemFacts, TimetableDraft, TimetableEntry,
  TreeNode,
} from "./contract";
import { learnServerTime } from "./clock";

const ROOT = "/api/v1";
const TIMEOUT_MS = 15_000;
const UPLOAD_MS = 300_000;

/** What the server (or the network) said went wrong; `title` and `detail` are for people. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly retryAfterS: number | null = null,
  ) {
    super(detail ? `${title}: ${detail}` : title);
    this.name = "Problem";
  }
}

export type Query = Record<string, string | number | boolean | null | undefined>;

export interface ApiOptions {
  fetch?: typeof fetch;
  language: string;
  /** Called once a request says that nobody is signed in any more. */
  onSignedOut?: () => void;
}

export class Api {
  private readonly request: typeof fetch;

  constructor(private readonly options: ApiOptions) {
    this.request = options.fetch ?? ((input, init) => fetch(input, init));
  }

  // Session
  login(username: string, password: string): Promise<Session> {
    return this.send("POST", "/session", { username, password });
  }
  session(): Promise<Session> { return this.get("/session"); }
  logout(): Promise<void> { return this.send("DELETE", "/session"); }
  changePassword(old: string, fresh: string): Promise<void> {
    return this.send("POST", "/password", { old, new: fresh });
  }

  // Devices and access
  devices(query: Query): Promise<Page<Device>> { return this.get("/devices", query); }
  device(id: string): Promise<Device> { return this.get(`/devices/${enc(id)}`); }
  addDevice(draft: { id: string; name?: string; password?: string }):
    Promise<{ device: Device; password: string }> {
    return this.send("POST", "/devices", draft);
  }
  renameDevice(id: string, name: string): Promise<Device> {
    return this.send("PATCH", `/devices/${enc(id)}`, { name });
  }
  deleteDevice(id: string): Promise<void> { return this.send("DELETE", `/devices/${enc(id)}`); }
  refreshCatalog(id: string): Promise<unknown> {
    return this.send("POST", `/devices/${enc(id)}/catalog`, {});
  }
  resetPassword(id: string): Promise<{ password: string }> {
    return this.send("POST", `/devices/${enc(id)}/password`, {});
  }
  capabilities(id: string): Promise<CapabilityMatrix> {
    return this.get(`/devices/${enc(id)}/capabilities`);
  }
  testCapabilities(id: string): Promise<CapabilityMatrix> {
    return this.send("POST", `/devices/${enc(id)}/capabilities/test`, {});
  }
  quirks(): Promise<QuirkTable> { return this.get("/quirks"); }
  replaceQuirks(rows: QuirkLine[]): Promise<QuirkTable> { return this.send("PUT", "/quirks", { rows }); }
  access(): Promise<Access> { return this.get("/access"); }

  // Channels
  channels(query: Query): Promise<Page<Channel>> { return this.get("/channels", query); }
  channel(code: string): Promise<Channel> { return this.get(`/channels/${enc(code)}`); }
  changeChannel(code: string, change: Partial<Pick<Channel, "name" | "category_code" | "organisation_id">>):
    Promise<Channel> {
    return this.send("PATCH", `/channels/${enc(code)}`, change);
  }
  async tree(by: "organisation" | "category", parent: string | null): Promise<TreeNode[]> {
    const answer = await this.get<{ nodes: TreeNode[] }>("/tree", { by, parent });
    return answer.nodes;
  }
  startLive(code: string): Promise<LiveStatus> {
    return this.send("POST", `/channels/${enc(code)}/live`, {});
  }
  liveStatus(code: string): Promise<LiveStatus> { return this.get(`/channels/${enc(code)}/live`); }
  switchRecording(code: string, on: boolean): Promise<unknown> {
    return this.send("PUT", `/channels/${enc(code)}/recording`, { on });
  }
  async segments(code: string, start: string, end: string): Promise<Segment[]> {
    return listOf(await this.get(`/channels/${enc(code)}/recordings`, { start, end }));
  }
  /** Recordings here and on the device; ask again while the search goes on. */
  recordings(code: string, start: string, end: string): Promise<RecordingList> {
    return this.get(`/channels/${enc(code)}/recordings`, { source: "all", start, end, wait_s: 2 });
  }

  // Playbacks and downloads
  play(channel: string, start: string, end: string, speed: number): Promise<Playback> {
    return this.send("POST", "/playbacks", { channel, start, end, speed });
  }
  playback(id: string): Promise<Playback> { return this.get(`/playbacks/${enc(id)}`); }
  changePlayback(id: string, change: { position?: string; speed?: number; paused?: boolean }):
    Promise<Playback> {
    return this.send("PATCH", `/playbacks/${enc(id)}`, change);
  }
  endPlayback(id: string): Promise<Playback> { return this.send("DELETE", `/playbacks/${enc(id)}`); }
  startDownload(channel: string, start: string, end: string, speed: number): Promise<Download> {
    return this.send("POST", "/downloads", { channel, start, end, speed });
  }
  async downloads(): Promise<Download[]> { return listOf(await this.get("/downloads")); }
  cancelDownload(id: string): Promise<Download> {
    return this.send("POST", `/downloads/${enc(id)}/cancel`, {});
  }
  retryDownload(id: string): Promise<Download> {
    return this.send("POST", `/downloads/${enc(id)}/retry`, {});
  }

  async spans(subject: string, kind: string): Promise<Span[]> {
    return listOf(await this.get("/spans", { subject, kind }));
  }

  // Alarms and analysis
  alarms(query: Query): Promise<Page<Alarm>> { return this.get("/alarms", query); }
  alarm(id: Id): Promise<Alarm> { return this.get(`/alarms/${enc(id)}`); }
  acknowledge(id: Id): Promise<Alarm> {
    return this.send("POST", `/alarms/${enc(id)}/acknowledge`, {});
  }
  clear(id: Id, note: string): Promise<Alarm> {
    return this.send("POST", `/alarms/${enc(id)}/clear`, { note });
  }
  resetAlarm(id: Id): Promise<Alarm> { return this.send("POST", `/alarms/${enc(id)}/reset`, {}); }

  // Reports
  async subscriptions(device: string): Promise<Subscription[]> {
    return listOf(await this.get(`/devices/${enc(device)}/subscriptions`));
  }
  async chooseSubscription(device: string, topic: string, wanted: boolean | null): Promise<Subscription[]> {
    return listOf(await this.send("PUT", `/devices/${enc(device)}/subscriptions/${topic}`, { wanted }));
  }
  /** Null for a channel that never said where it is. */
  async position(code: string): Promise<Position | null> {
    return (await this.get<{ position: Position | null }>(`/channels/${enc(code)}/position`)).position;
  }
  async track(code: string): Promise<Position[]> {
    return listOf(await this.get(`/channels/${enc(code)}/track`));
  }
  async scenes(channel: string): Promise<Scene[]> {
    return listOf(await this.get("/scenes", { channel }));
  }
  saveScene(draft: SceneDraft, id: Id | null): Promise<Scene> {
    return id === null
      ? this.send("POST", "/scenes", draft)
      : this.send("PUT", `/scenes/${enc(id)}`, draft);
  }
  deleteScene(id: Id): Promise<void> { return this.send("DELETE", `/scenes/${enc(id)}`); }
  async plugins(): Promise<Plugin[]> { return listOf(await this.get("/plugins")); }

  // Voice to devices
  beginTalk(code: string): Promise<{ talk: Broadcast | null }> {
    return this.send("POST", `/channels/${enc(code)}/talk`, {});
  }
  async broadcasts(): Promise<Broadcast[]> { return listOf(await this.get("/broadcasts")); }
  beginBroadcast(draft: BroadcastDraft): Promise<Broadcast> {
    return this.send("POST", "/broadcasts", draft);
  }
  stopBroadcast(id: string): Promise<Broadcast> { return this.send("DELETE", `/broadcasts/${enc(id)}`); }
  async announcements(): Promise<Announcement[]> { return listOf(await this.get("/announcements")); }
  speakAnnouncement(name: string, text: string): Promise<Announcement> {
    return this.send("POST", "/announcements", { name, text });
  }
  uploadAnnouncement(name: string, file: Blob): Promise<Announcement> {
    return this.call("POST", ROOT + "/announcements/file" + search({ name }), file);
  }
  deleteAnnouncement(id: string): Promise<void> { return this.send("DELETE", `/announcements/${enc(id)}`); }
  async timetable(): Promise<TimetableEntry[]> { return listOf(await this.get("/broadcast-timetable")); }
  saveEntry(draft: TimetableDraft, id: string | null): Promise<TimetableEntry> {
    return id === null
      ? this.send("POST", "/broadcast-timetable", draft)
      : this.send("PUT", `/broadcast-timetable/${enc(id)}`, draft);
  }
  deleteEntry(id: string): Promise<void> { return this.send("DELETE", `/broadcast-timetable/${enc(id)}`); }

  system(): Promise<SystemFacts> { return this.get("/system"); }

  /** Any other call, for the modules that own a subject. */
  ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.call<Answer>(method, ROOT + path, body);
  }

  private get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return this.call<Answer>("GET", ROOT + path + search(query));
  }

  private send<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.call<Answer>(method, ROOT + path, body);
  }

  private async call<Answer>(method: string, url: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = {
      Accept: "application/json",
      "Accept-Language": this.options.language,
    };
    const isFile = body instanceof Blob;
    if (method !== "GET") headers["Content-Type"] = isFile ? "application/octet-stream" : "application/json";
    let response: Response;
    try {
      response = await this.request(url, {
        method,
        headers,
        credentials: "same-origin",
        signal: AbortSignal.timeout(isFile ? UPLOAD_MS : TIMEOUT_MS),
        ...(method === "GET" || body === undefined ? {} : { body: isFile ? body : JSON.stringify(body) }),
      });
    } catch (error) {
      const code = error instanceof DOMException && error.name === "TimeoutError"
        ? "timeout" : "unreachable";
      throw new Problem(0, code, code, "");
    }
    const date = response.headers.get("Date");
    if (date !== null) learnServerTime(Date.parse(date));
    if (!response.ok) throw await this.problem(response, url);
    if (response.status === 204) return undefined as Answer;
    return (await response.json()) as Answer;
  }

  private async problem(response: Response, url: string): Promise<Problem> {
    if (response.status === 401 && !url.endsWith("/session")) this.options.onSignedOut?.();
    let fields: Record<string, unknown> = {};
    if ((response.headers.get("Content-Type") ?? "").includes("json")) {
      fields = (await response.json()) as Record<string, unknown>;
    }
    const header = response.headers.get("Retry-After");
    const retry = fields["retry_after_s"] ?? (header === null ? null : Number(header));
    return new Problem(
      response.status,
      String(fields["code"] ?? `http_${response.status}`),
      String(fields["title"] ?? `HTTP ${response.status}`),
      faultsOf(fields["errors"]) || String(fields["detail"] ?? ""),
      typeof retry === "number" && Number.isFinite(retry) ? retry : null,
    );
  }
}

/** What is wrong with single values, where the server says so: people want that, not "see errors". */
function faultsOf(errors: unknown): string {
  const details = Array.isArray(errors)
    ? errors.map((fault: { detail?: unknown }) => String(fault.detail ?? "")).filter(Boolean) : [];
  return [...new Set(details)].join(" ");
}

/** A query string with its question mark; null, undefined and "" are left out. */
export function search(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Lists come bare, as a page, or under one name; people need the rows. */
export function listOf<Item>(answer: unknown): Item[] {
  if (Array.isArray(answer)) return answer as Item[];
  if (typeof answer === "object" && answer !== null) {
    const rows = Object.values(answer).find((value) => Array.isArray(value));
    if (rows !== undefined) return rows as Item[];
  }
  return [];
}

function enc(part: Id): string {
  return encodeURIComponent(String(part));
}
