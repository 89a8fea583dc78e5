/** Calls that turn cameras and tell devices what to do. */

import { listOf, type Api } from "./api";

/** Each value is a direction and a share of the speed, -1 to 1; all 0 stops. */
export interface Steering { pan: number; tilt: number; zoom: number; focus: number; iris: number }

export interface Ptz {
  code: string;
  can_turn: boolean;
  holder: string | null;
  held_until: string | null;
  is_locked: boolean;
  is_moving: boolean;
}

export interface Preset { number: number; name: string }
export interface Cruise { number: number; name: string | null }

export interface ZoomFrame {
  width: number; height: number; mid_x: number; mid_y: number; length_x: number; length_y: number;
  direction: "in" | "out";
}

export interface SnapshotOrder {
  session_id: string; count: number; state: "running" | "done" | "failed"; received: string[];
}

export interface Picture { name: string; taken_at: string; size_bytes: number; url: string }

export interface Aim { pan: number | null; tilt: number | null; zoom: number | null }

export type ScanAction = "start" | "left" | "right" | "speed";

export interface Card {
  number: number;
  name: string | null;
  status: string | null;
  format_percent: number | null;
  capacity_mb: number | null;
  free_mb: number | null;
}

export interface Firmware { firmware: string; url: string; manufacturer: string }

export interface Upgrade {
  firmware: string;
  state: "running" | "done" | "failed";
  ordered_at: string;
  ended_at: string | null;
  reason: string | null;
}

export type Digest = "MD5" | "SHA-256" | "SM3";

export interface RedirectTarget { server_id: string; host: string; port: number; transport: "udp" | "tcp" }

export interface RegistrationRule {
  digest_algorithms: Digest[];
  send_date: boolean | null;
  redirect_to: RedirectTarget | null;
}

export interface ConfigField {
  name: string;
  kind: "text" | "number" | "decimal" | "flag" | "group" | "list";
  least: number;
  most: number;
  fields: ConfigField[];
}

export type ConfigValues = Record<string, unknown>;
export interface Config { type: string; values: ConfigValues; fields: ConfigField[] }
/** `restarting`: not asked for, because the device would restart. */
export interface Configs { configs: Config[]; missing: string[]; restarting?: string[] }

export const STOP: Steering = { pan: 0, tilt: 0, zoom: 0, focus: 0, iris: 0 };

export class ControlApi {
  constructor(private readonly api: Api) {}

  ptz(code: string): Promise<Ptz> { return this.api.ask("GET", `/channels/${code}/ptz`); }
  steer(code: string, steering: Steering): Promise<Ptz> {
    return this.api.ask("POST", `/channels/${code}/ptz`, steering);
  }
  lock(code: string): Promise<Ptz> {
    return this.api.ask("PUT", `/channels/${code}/ptz/lock`, { seconds: 600 });
  }
  release(code: string): Promise<Ptz> { return this.api.ask("DELETE", `/channels/${code}/ptz/lock`, {}); }
  zoomTo(code: string, frame: ZoomFrame): Promise<void> {
    return this.api.ask("POST", `/channels/${code}/ptz/zoom`, frame);
  }
  switch(code: string, number: number, on: boolean): Promise<void> {
    return this.api.ask("PUT", `/channels/${code}/ptz/switches/${number}`, { on });
  }

  async presets(code: string): Promise<Preset[]> {
    return listOf(await this.api.ask("GET", `/channels/${code}/presets`));
  }
  savePreset(code: string, preset: Preset): Promise<Preset> {
    return this.api.ask("PUT", `/channels/${code}/presets/${preset.number}`, { name: preset.name });
  }
  callPreset(code: string, number: number): Promise<void> {
    return this.api.ask("POST", `/channels/${code}/presets/${number}/call`, {});
  }
  deletePreset(code: string, number: number): Promise<void> {
    return this.api.ask("DELETE", `/channels/${code}/presets/${number}`, {});
  }
  async cruises(code: string): Promise<Cruise[]> {
    return listOf(await this.api.ask("GET", `/channels/${code}/cruises`));
  }
  saveCruise(code: string, number: number, name: string, presets: number[], stayS: number): Promise<void> {
    return this.api.ask("PUT", `/channels/${code}/cruises/${number}`, { name, presets, stay_s: stayS });
  }
  startCruise(code: string, number: number): Promise<void> {
    return this.api.ask("POST", `/channels/${code}/cruises/${number}/start`, {});
  }
  setHome(code: string, preset: number, enabled: boolean): Promise<void> {
    return this.api.ask("PUT", `/channels/${code}/home`, { enabled, preset });
  }

  orderSnapshot(code: string): Promise<SnapshotOrder> {
    return this.api.ask("POST", `/channels/${code}/snapshot`, { count: 1 });
  }
  snapshotOrder(code: string, session: string): Promise<SnapshotOrder> {
    return this.api.ask("GET", `/channels/${code}/snapshot/${session}`);
  }
  async pictures(code: string): Promise<Picture[]> {
    return listOf(await this.api.ask("GET", `/channels/${code}/snapshots`));
  }

  position(code: string): Promise<Aim> { return this.api.ask("GET", `/channels/${code}/ptz/position`); }
  aim(code: string, aim: Aim): Promise<void> { return this.api.ask("PUT", `/channels/${code}/ptz/position`, aim); }
  scan(code: string, number: number, action: ScanAction, speed: number): Promise<void> {
    return this.api.ask("POST", `/channels/${code}/scans/${number}`, { action, speed });
  }
  track(code: string, mode: "auto" | "stop"): Promise<void> {
    return this.api.ask("PUT", `/channels/${code}/ptz/track`, { mode });
  }
  recordOnDevice(code: string, on: boolean): Promise<void> {
    return this.api.ask("PUT", `/channels/${code}/device-recording`, { on });
  }
  keyFrame(code: string): Promise<void> { return this.api.ask("POST", `/channels/${code}/key-frame`, {}); }

  guard(id: string, on: boolean): Promise<void> { return this.api.ask("PUT", `/devices/${id}/guard`, { on }); }
  resetAlarms(id: string): Promise<void> { return this.api.ask("POST", `/devices/${id}/alarm-reset`, {}); }
  reboot(id: string): Promise<void> { return this.api.ask("POST", `/devices/${id}/reboot`, {}); }
  async cards(id: string): Promise<Card[]> { return listOf(await this.api.ask("GET", `/devices/${id}/cards`)); }
  formatCard(id: string, number: number): Promise<void> {
    return this.api.ask("POST", `/devices/${id}/cards/${number}/format`, {});
  }
  upgrade(id: string, firmware: Firmware): Promise<Upgrade> {
    return this.api.ask("POST", `/devices/${id}/upgrade`, firmware);
  }
  /** Null where none was ordered since the platform started. */
  async lastUpgrade(id: string): Promise<Upgrade | null> {
    return (await this.api.ask<{ upgrade: Upgrade | null }>("GET", `/devices/${id}/upgrade`)).upgrade;
  }
  /** Have it report the alarms it has; none of `methods` means all. */
  queryAlarms(id: string, methods: string[]): Promise<void> {
    return this.api.ask("POST", `/devices/${id}/alarm-query`, { methods });
  }
  /** Of one device, or with null of all. */
  registrationRule(id: string | null): Promise<RegistrationRule> { return this.api.ask("GET", rulePath(id)); }
  setRegistrationRule(id: string | null, rule: RegistrationRule): Promise<RegistrationRule> {
    return this.api.ask("PUT", rulePath(id), rule);
  }

  configs(owner: "channels" | "devices", id: string): Promise<Configs> {
    return this.api.ask("GET", `/${owner}/${id}/config`);
  }
  /** Ask for these although the device restarts because of them. */
  forcedConfigs(owner: "channels" | "devices", id: string, types: string[]): Promise<Configs> {
    return this.api.ask("GET", `/${owner}/${id}/config?types=${types.join(",")}&force=true`);
  }
  writeConfig(
    owner: "channels" | "devices", id: string, type: string, values: ConfigValues, force = false,
  ): Promise<Config> {
    return this.api.ask("PUT", `/${owner}/${id}/config/${type}`, { values, ...(force ? { force } : {}) });
  }
}

function rulePath(id: string | null): string {
  return id === null ? "/access/registration-rule" : `/devices/${id}/registration-rule`;
}
