/** The records of the REST API and of the event WebSocket, named as the server names them. */

/** Numbers from the store, text from elsewhere; only ever handed back. */
export type Id = string | number;

export interface Page<Item> {
  items: Item[];
  total: number;
  page: number;
  size: number;
}

export interface User {
  username: string;
  role: string;
}

export interface Session {
  user: User;
  must_change_password?: boolean;
  expires_at?: string;
}

export interface Device {
  id: string;
  name: string;
  manufacturer: string | null;
  model: string | null;
  firmware: string | null;
  registered: boolean;
  online: boolean;
  registered_at: string | null;
  last_seen_at: string | null;
  expires_at: string | null;
  transport: string | null;
  address: string | null;
  channel_count: number;
  online_since?: string | null;
  offline_since?: string | null;
  cause?: string | null;
}

export type Verdict = "works" | "taken" | "refused" | "silent";

export interface Capability {
  name: string;
  verdict: Verdict;
  at: string;
  detail: string | null;
}

export interface CapabilityMatrix {
  items: Capability[];
  test: { total: number; done: number } | null;
}

export interface QuirkLine {
  maker: string;
  model: string;
  firmware_from: string;
  firmware_to: string;
  quirk: string;
  value: string;
  evidence: string;
  builtin: boolean;
}

export interface QuirkTable {
  items: QuirkLine[];
  /** Lines of the file that are left out. */
  bad: { line: number; reason: string }[];
}

export type LiveStateName = "idle" | "connecting" | "live" | "stalled" | "failed";

export interface LiveStatus {
  code: string;
  state: LiveStateName;
  step: string | null;
  /** A word of the server; `title` and `hint` say it to people, `detail` to technicians. */
  reason: string | null;
  title?: string | null;
  hint: string | null;
  detail?: string | null;
  /** What the stream doctor says when the picture fails or suffers. */
  verdict?: string | null;
  transport?: string | null;
  retry_at?: string | null;
  codec: string | null;
  width: number | null;
  height: number | null;
  frame_rate: number | null;
  audio_codec?: string | null;
  bitrate_bps: number | null;
  viewers: number;
  lost: number;
  urls?: Record<string, string> | null;
  token_expires_at?: string | null;
}

export interface Channel {
  code: string;
  name: string;
  device_id: string;
  category_code: string | null;
  category: string | null;
  organisation_id: string | null;
  registered: boolean;
  says_on: boolean;
  proven: boolean;
  proven_at: string | null;
  missing_since: string | null;
  online: boolean;
  state_since: string | null;
  cause: string | null;
  recording: boolean;
  ptz_type: number | string | null;
  live: LiveStatus | null;
}

export type NodeKind = "organisation" | "category" | "device" | "channel";

export interface TreeNode {
  id: string;
  kind: NodeKind;
  name: string;
  parent: string | null;
  count: number;
  online_count: number;
  has_children: boolean;
  channel?: Channel | null;
}

export type AlarmState = "raised" | "acknowledged" | "cleared";
export type AlarmLevel = 1 | 2 | 3 | 4;

export interface DetectionBox {
  label: string;
  score: number;
  /** x1, y1, x2, y2 as fractions of the picture. */
  box: [number, number, number, number];
  track?: number | string | null;
}

export interface Alarm {
  id: Id;
  /** Null for an alarm of the platform itself. */
  channel: string | null;
  channel_name: string | null;
  kind: string;
  level: AlarmLevel;
  state: AlarmState;
  raised_at: string;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  cleared_at: string | null;
  cleared_by: string | null;
  note: string | null;
  detail: Record<string, unknown>;
  snapshot_url: string | null;
  boxes: DetectionBox[];
  count: number;
}

export type Point = [number, number];

/** What a device is asked to report. */
export interface Subscription {
  topic: "catalog" | "alarm" | "position";
  wanted: boolean;
  /** What somebody said; null: as configured. */
  given: boolean | null;
  state: string;
  since: string | null;
  expires_s: number;
  reason: string | null;
  notified_at: string | null;
  notifications: number;
}

/** Where a channel was at one moment, WGS-84. */
export interface Position {
  channel: string;
  at: string;
  time_text: string | null;
  longitude: number;
  latitude: number;
  speed: number | null;
  direction: number | null;
  altitude: number | null;
  height: number | null;
}

export interface Scene {
  id: Id;
  channel: string;
  plugin: string;
  name: string;
  enabled: boolean;
  sample_fps: number;
  region: Point[];
  params: Record<string, unknown>;
  level: AlarmLevel;
}

export type SceneDraft = Omit<Scene, "id">;

/** The part of JSON Schema that plugins use for their parameters. */
export interface SchemaProperty {
  type?: string;
  enum?: unknown[];
  default?: unknown;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
  description?: string;
}

export interface Plugin {
  id: string;
  name: string;
  version: string;
  params_schema: { properties?: Record<string, SchemaProperty> };
}

export interface RegistrationAttempt {
  at: string;
  device_id: string;
  address: string;
  transport: string;
  outcome: string;
  count: number;
  user_agent: string | null;
  known: boolean;
}

export interface Access {
  server_id: string;
  domain: string;
  realm?: string;
  addresses: string[];
  port: number;
  transports: string[];
  keepalive_interval_s: number;
  keepalive_count?: number;
  expires_s: number;
  attempts: RegistrationAttempt[];
}

export interface Span {
  subject: string;
  kind: string;
  state: string;
  start: string;
  end: string | null;
  cause: string | null;
}

export interface Segment {
  id: Id;
  start: string;
  end: string;
  duration_s: number;
  bytes: number | null;
  codec: string | null;
  /** Older servers know local files only. */
  source?: "local" | "device";
  record_type?: string | null;
}

/** How far the question to a device is. */
export interface RecordingSearch {
  state: "searching" | "complete" | "partial" | "failed";
  found: number;
  expected: number | null;
  reason: string | null;
  title: string | null;
  hint: string | null;
}

export interface RecordingList {
  items: Segment[];
  search: RecordingSearch | null;
}

export interface Playback {
  id: string;
  channel: string;
  start: string;
  end: string;
  state: "connecting" | "playing" | "paused" | "ended" | "failed";
  position: string;
  speed: number;
  paused: boolean;
  can_reverse: boolean | null;
  reason: string | null;
  title: string | null;
  hint: string | null;
}

export interface Download {
  id: string;
  channel: string;
  start: string;
  end: string;
  state: "waiting" | "running" | "done" | "failed" | "cancelled" | "interrupted";
  progress: number;
  bytes: number | null;
  reason: string | null;
  title: string | null;
  hint: string | null;
  urls: string[];
}

export interface SystemFacts {
  streams: number;
  viewers: number;
  devices: number;
  devices_online: number;
  channels: number;
  channels_online: number;
  channels_proven: number;
  disk_free_bytes: number;
  disk_total_bytes?: number;
  alarms_open?: number;
  started_at?: string;
  time_zone?: string;
  /** Upper platforms that are switched on, and those where we are registered. */
  uppers?: number;
  uppers_registered?: number;
  recording: number;
  version: string;
  uptime_s: number;
}

export interface Detections {
  channel: string;
  pts_ticks: number;
  wall: string;
  width: number;
  height: number;
  boxes: DetectionBox[];
  region?: Point[] | null;
  scene_id?: Id | null;
}

export interface DeviceStatus {
  id: string;
  online: boolean;
  registered: boolean;
  cause: string | null;
  address?: string | null;
}

export interface ChannelStatus {
  code: string;
  device_id: string;
  online: boolean;
  registered: boolean;
  says_on: boolean;
  proven: boolean;
  cause: string | null;
  recording?: boolean | null;
}

/** What each event of the WebSocket carries. */
export interface EventBodies {
  device_status: DeviceStatus;
  channel_status: ChannelStatus;
  catalog_merged: { id: string; added: number; updated: number; missing: number };
  alarm_raised: Alarm;
  alarm_updated: Alarm;
  detections: Detections;
  live_status: LiveStatus;
  registration_attempt: RegistrationAttempt;
  subscription: { device_id: string; topic: string; state: string; reason: string | null };
  position: Position;
  segment_recorded: Segment & { channel: string };
  platforms_changed: { platform_ids: string[] };
  platform_state: { platform_ids: string[] };
  shares_changed: { platform_ids: string[] };
  ptz_holder: { code: string; holder: string | null; is_locked: boolean };
}

export type EventType = keyof EventBodies;

export type * from "./voice_contract";
