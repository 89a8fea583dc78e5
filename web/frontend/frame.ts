/** The frame around every page: who is here, what time it is, how the system does, what is alarming. */

import { AlarmBook } from "./alarm_book";
import { Api } from "./api";
import { formatBytes, formatTime, serverNow } from "./clock";
import { refreshAges } from "./components/age";
import { alarmPopup } from "./components/alarm_popup";
import { linkTone } from "./components/platform_words";
import { passwordDialog } from "./components/password_dialog";
import { attempt, toast } from "./components/toast";
import type { EventType, Session, SystemFacts } from "./contract";
import { fill, h, icon, need } from "./dom";
import { EventStream } from "./events";
import { t, tLength, type Key } from "./i18n";
import { adoptPageLanguage, wireLanguageSwitch } from "./page_language";
import { AlarmSound } from "./sound";

const FACTS_EVERY_MS = 4_000;
/** Many events in a row cost one reading of the facts. */
const FACTS_WAIT_MS = 800;
/** What changes the facts of the status line. */
const FACTS_EVENTS = ["device_status", "channel_status", "live_status"] as const;
const FRAME_EVENTS: EventType[] = ["alarm_raised", "alarm_updated", ...FACTS_EVENTS];

export interface PageContext {
  api: Api;
  events: EventStream;
  session: Session;
  alarms: AlarmBook;
  sound: AlarmSound;
}

/** Whether this person may change devices, names and scenes. */
export function canAdminister(session: Session): boolean {
  return session.user.role === "admin";
}

/** Whether this person may acknowledge alarms and switch recordings. */
export function canOperate(session: Session): boolean {
  return session.user.role !== "viewer";
}

/** Sign in is checked, the frame is alive, events flow: the page can start. */
export async function startPage(types: EventType[], onAlarmOpen?: (channel: string) => void):
  Promise<PageContext> {
  const api = new Api({ language: adoptPageLanguage(), onSignedOut: goToLogin });
  wireLanguageSwitch();
  const session = await api.session();
  const events = new EventStream([...new Set([...FRAME_EVENTS, ...types])], goToLogin);
  const context: PageContext = { api, events, session, alarms: new AlarmBook(api), sound: new AlarmSound() };
  showUser(context);
  wireAlarms(context, onAlarmOpen ?? ((channel) => location.assign(`/?open=${channel}`)));
  events.onLinkChange(showLink);
  events.open();
  startClocks(context);
  void context.alarms.reload();
  if (session.must_change_password === true) void passwordDialog(api, true);
  // A session that only watches has no business with strangers' addresses.
  if (!canOperate(session)) for (const page of ["/access", "/platforms"]) document.querySelector(`.rail [href='${page}']`)?.remove();
  document.body.dataset["ready"] = "true";
  return context;
}

/** Sign in again; what is being typed in a dialog is never lost by a time-out. */
function goToLogin(): void {
  if (document.querySelector("dialog[open]") !== null) {
    toast(t("frame.session_over"), "bad");
    return;
  }
  location.assign(`/login?over=1&next=${encodeURIComponent(location.pathname + location.search)}`);
}

function showUser({ api, session }: PageContext): void {
  need("#user-name").textContent = session.user.username;
  need("#user-role").textContent = t(canAdminister(session) ? "role.admin"
    : canOperate(session) ? "role.operator" : "role.viewer");
  document.body.dataset["role"] = session.user.role;
  need("#change-password").addEventListener("click", () => void passwordDialog(api, false));
  need("#logout").addEventListener("click", () => {
    void attempt(() => api.logout()).then((worked) => { if (worked) location.assign("/login"); });
  });
}

function wireAlarms(context: PageContext, open: (channel: string) => void): void {
  const { alarms, events, sound } = context;
  const count = need("#alarm-count");
  const mute = need<HTMLButtonElement>("#mute");
  alarms.follow(events);
  alarms.onChange((change) => {
    count.textContent = alarms.unacknowledged > 999 ? "999+" : String(alarms.unacknowledged);
    count.hidden = alarms.unacknowledged === 0;
    need("#alarm-link").setAttribute("aria-label",
      t("frame.alarms_open", { count: alarms.unacknowledged }));
    if (change === null || !change.isNew) return;
    sound.play(change.alarm.level);
    if (change.alarm.level === 1) alarmPopup(context, change.alarm, open);
  });
  document.addEventListener("pointerdown", () => sound.unlock(), { once: true });
  document.addEventListener("keydown", () => sound.unlock(), { once: true });
  mute.addEventListener("click", () => { sound.toggle(); showMute(mute, sound); });
  showMute(mute, sound);
}

function showMute(button: HTMLButtonElement, sound: AlarmSound): void {
  const left = sound.mutedForMs;
  const words = left > 0 ? t("frame.muted", { length: tLength(left / 1000) }) : t("frame.mute");
  button.title = words;
  button.setAttribute("aria-label", words);
  button.setAttribute("aria-pressed", String(left > 0));
  const wanted = left > 0 ? "mute" : "sound";
  if (button.dataset["shows"] === wanted) return;
  button.dataset["shows"] = wanted;
  fill(button, icon(wanted));
}

function startClocks({ api, events, sound }: PageContext): void {
  const clock = need("#clock");
  const mute = need<HTMLButtonElement>("#mute");
  const showTime = (): void => {
    clock.textContent = formatTime(serverNow());
    refreshAges();
    showMute(mute, sound);
  };
  const showFacts = (): void => {
    void api.system().then(showSystem, () => showLink(false));
  };
  let waiting = 0;
  const factsSoon = (): void => {
    if (waiting !== 0 || document.hidden) return;
    waiting = window.setTimeout(() => { waiting = 0; showFacts(); }, FACTS_WAIT_MS);
  };
  showTime();
  showFacts();
  for (const type of FACTS_EVENTS) events.on(type, factsSoon);
  events.onGap(factsSoon);
  document.addEventListener("visibilitychange", factsSoon);
  window.setInterval(showTime, 1_000);
  window.setInterval(() => { if (!document.hidden) showFacts(); }, FACTS_EVERY_MS);
}

function showLink(isUp: boolean): void {
  const link = need("#status-link");
  link.textContent = isUp ? t("status.link_up") : t("status.link_down");
  link.className = isUp ? "status-ok" : "status-bad";
  document.body.dataset["link"] = isUp ? "up" : "down";
}

function showSystem(facts: SystemFacts): void {
  fill(need("#status-facts"), uppersFact(facts),
    fact("status.devices", `${facts.devices_online}/${facts.devices}`),
    fact("status.channels", `${facts.channels_online}/${facts.channels}`),
    fact("status.proven", facts.channels_proven),
    fact("status.streams", facts.streams),
    fact("status.viewers", facts.viewers),
    fact("status.recording", facts.recording),
    fact("status.disk", formatBytes(facts.disk_free_bytes)));
  need("#status-version").textContent = facts.version;
}

const UPPERS_WORDS = { ok: "status.uppers_ok", warn: "status.uppers_warn", bad: "status.uppers_bad" } as const;

/** The link to the upper platforms: in one light, with shape and count; nothing where there are none. */
function uppersFact({ uppers = 0, uppers_registered: registered = 0 }: SystemFacts): HTMLElement | null {
  if (uppers === 0) return null;
  const tone = linkTone(registered, uppers);
  const mayLook = document.body.dataset["role"] !== "viewer";
  return h(mayLook ? "a" : "span", { class: `status-fact status-uppers uppers-${tone}`, href: mayLook ? "/platforms" : null,
    "data-fact": "uppers", "data-tone": tone, title: t(UPPERS_WORDS[tone]) }, icon(tone === "ok" ? "dot-on" : tone === "warn" ? "dot-unproven" : "level-1"),
  h("span", { class: "quiet" }, t("status.uppers")), " ", h("b", {}, `${registered}/${uppers}`));
}

function fact(key: Key, value: string | number): HTMLElement {
  return h("span", { class: "status-fact", "data-fact": key.slice("status.".length) },
    h("span", { class: "quiet" }, t(key)), " ", h("b", {}, value));
}
