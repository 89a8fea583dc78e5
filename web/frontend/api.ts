/**
 * The REST client: one function per use, errors as `Problem` (RFC 9457), the server's clock learnt
 * on the way. Nothing here knows the DOM, so it runs in tests as it is.
 */

import type {
  Access, Alarm, Channel, Device, Id, LiveStatus, Page, Position, Subscription, Plugin, Scene, SceneDraft, Segment, Session,
  Span, SystemFacts, TreeNode,
} from "./contract";
import { learnServerTime } from "./clock";

const ROOT = "/api/v1";
const TIMEOUT_MS = 15_000;

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

  system(): Promise<SystemFacts> { return this.get("/system"); }

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
    if (method !== "GET") headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await this.request(url, {
        method,
        headers,
        credentials: "same-origin",
        signal: AbortSignal.timeout(TIMEOUT_MS),
        ...(method === "GET" || body === undefined ? {} : { body: JSON.stringify(body) }),
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
      String(fields["detail"] ?? ""),
      typeof retry === "number" && Number.isFinite(retry) ? retry : null,
    );
  }
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
