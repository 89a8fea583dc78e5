/** The records of talks, broadcasts and announcements, named as the server names them. */

export type VoiceStateName =
  "waiting" | "calling" | "speaking" | "done" | "stopped" | "interrupted" | "failed";

export interface VoiceTarget {
  code: string;
  name: string;
  state: string;
  reason: string | null;
  detail: string | null;
  packets: number;
  dropped: number;
}

/** A talk or a broadcast. */
export interface Broadcast {
  id: string;
  kind: "talk" | "live" | "file" | "text";
  name: string;
  by: string;
  priority: number;
  state: VoiceStateName;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  played_s: number;
  length_s: number | null;
  level_db: number;
  clipped: number;
  dropped_s: number;
  targets: VoiceTarget[];
  microphone: string | null;
}

export interface VoiceTargets {
  channels: string[];
  devices: string[];
  organisations: string[];
  categories: string[];
}

export interface BroadcastDraft {
  name: string;
  targets: VoiceTargets;
  announcement?: string;
  text?: string;
  live?: boolean;
  priority?: number;
  times?: number;
}

export interface Announcement {
  id: string;
  name: string;
  length_s: number;
  by: string;
  created_at: string;
  url: string;
}

export interface TimetableDraft extends BroadcastDraft {
  at: string;
  days: number[];
  enabled: boolean;
}

export interface TimetableEntry extends TimetableDraft {
  id: string;
  by: string;
  last_at: string | null;
  last_result: string | null;
}
