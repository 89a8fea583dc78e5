/** The live wall: tree, tiles, alarm column. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/wall.css";
import "./styles/tree.css";
import "./styles/alarms.css";
import "./styles/drawer.css";
import "./styles/doctor.css";
import "./styles/replay.css";
import "./styles/ptz.css";
import { AlarmList } from "./components/alarm_list";
import { CHANNEL_EVENTS, ChannelDrawer } from "./components/channel_drawer";
import { bindKeys } from "./components/key_map";
import { ReplayBar } from "./components/replay_bar";
import { ChannelTree } from "./components/tree";
import { WallView } from "./components/wall_view";
import { fill, icon, need } from "./dom";
import { canOperate, startPage, type PageContext } from "./frame";
import { t } from "./i18n";
import { isBoolean, recall, remember } from "./preferences";

const COLUMN_ALARMS = 40;

async function start(): Promise<void> {
  let show: (code: string) => void = () => undefined;
  const context = await startPage(
    ["device_status", "detections", "catalog_merged", "ptz_holder", ...CHANNEL_EVENTS], (code) => show(code));
  const drawer = new ChannelDrawer(context);
  const replay = new ReplayBar(context.api);
  need("#main").appendChild(replay.element);
  const wall = new WallView({
    api: context.api, alarms: context.alarms, mayOperate: canOperate(context.session), root: need("#wall"),
    onInfo: (channel) => void drawer.open(channel.code),
    onReplay: (tile) => void replay.open(tile),
  });
  show = (code) => void wall.openCode(code);
  wall.follow(context.events);
  const tree = new ChannelTree({
    api: context.api, root: need("#tree"), search: need<HTMLInputElement>("#search"),
    onOpen: (channel) => { wall.open(channel); showTreeSheet(false); },
    onInfo: (channel) => void drawer.open(channel.code),
  });
  tree.follow(context.events);
  const alarms = alarmColumn(context, show);
  wireColumns();
  wireTools(wall);
  wireKeys(wall, alarms, drawer, replay);
  void tree.refresh();
  await wall.start();
  const wanted = new URLSearchParams(location.search).get("open");
  if (wanted !== null) {
    await wall.openCode(wanted);
    history.replaceState(null, "", "/");
  }
}

function alarmColumn({ api, alarms }: PageContext, show: (code: string) => void): AlarmList {
  const list = new AlarmList({ api, book: alarms, onOpen: (alarm) => { if (alarm.channel !== null) show(alarm.channel); } });
  fill(need("#alarm-column-list"), list.element);
  alarms.onChange(() => list.show(alarms.list().filter((alarm) => alarm.state !== "cleared")
    .slice(0, COLUMN_ALARMS)));
  return list;
}

/** Both side columns fold; what was folded stays folded. */
function wireColumns(): void {
  for (const side of ["tree", "alarms"] as const) {
    const button = need(`#fold-${side}`);
    const set = (isFolded: boolean): void => {
      document.body.classList.toggle(`${side}-folded`, isFolded);
      button.setAttribute("aria-expanded", String(!isFolded));
      remember(`${side}-folded`, isFolded);
    };
    set(recall(`${side}-folded`, false, isBoolean));
    button.addEventListener("click", () => {
      set(!document.body.classList.contains(`${side}-folded`));
    });
  }
  need("#tree-sheet").addEventListener("click", () => showTreeSheet());
  need("#main").addEventListener("pointerdown", () => showTreeSheet(false));
  // What a search finds is shown in the tree, which is a sheet on a phone.
  need("#search").addEventListener("input", () => showTreeSheet(true));
}

/** On a phone the tree is a sheet over the wall. */
function showTreeSheet(shows?: boolean): void {
  const isShown = document.body.classList.toggle("tree-sheet-open", shows);
  need("#tree-sheet").setAttribute("aria-expanded", String(isShown));
}

function wireTools(wall: WallView): void {
  const boxes = need("#boxes");
  const mark = (): void => { boxes.setAttribute("aria-pressed", String(wall.hasBoxes)); };
  boxes.addEventListener("click", () => { wall.toggleBoxes(); mark(); });
  mark();
  need("#fullscreen").addEventListener("click", () => void toggleFullScreen());
  need("#previous").addEventListener("click", () => wall.page(-1));
  need("#next").addEventListener("click", () => wall.page(1));
}

async function toggleFullScreen(): Promise<void> {
  if (document.fullscreenElement === null) await need("#stage").requestFullscreen();
  else await document.exitFullscreen();
}

function wireKeys(wall: WallView, alarms: AlarmList, drawer: ChannelDrawer, replay: ReplayBar): void {
  const press = (selector: string) => () => need(selector).click();
  bindKeys([
    { keys: ["1", "2", "3", "4", "5", "6", "7", "8", "9"], shown: "1 … 9", does: "keys.tile",
      act: (key) => wall.focusNumber(Number(key)) },
    { keys: ["[", "]"], does: "keys.layout", act: (key) => wall.stepLayout(key === "]" ? 1 : -1) },
    { keys: ["pageup", "pagedown"], shown: "PgUp PgDn", does: "keys.page",
      act: (key) => wall.page(key === "pagedown" ? 1 : -1) },
    { keys: ["f"], does: "keys.full", act: () => void toggleFullScreen() },
    { keys: ["m"], does: "keys.maximise", act: () => wall.maximise(wall.focused) },
    { keys: ["b"], does: "keys.boxes", act: press("#boxes") },
    { keys: ["i"], does: "keys.info",
      act: () => { const code = wall.focused?.channel?.code; if (code) void drawer.open(code); } },
    { keys: ["p"], does: "keys.replay",
      act: () => { if (wall.focused !== null) void replay.open(wall.focused); } },
    { keys: [","], does: "keys.back",
      act: () => { if (wall.focused !== null) void replay.openBack(wall.focused); } },
    { keys: ["delete", "backspace"], shown: "Del", does: "keys.close", act: () => wall.closeFocused() },
    { keys: ["y"], does: "keys.ptz", act: () => wall.focused?.togglePtz() },
    { keys: ["r"], does: "keys.retry", act: () => wall.focused?.retry() },
    { keys: ["/"], does: "keys.search", act: () => need("#search").focus() },
    { keys: ["t"], does: "keys.tree", act: press("#fold-tree") },
    { keys: ["l"], does: "keys.alarms", act: press("#fold-alarms") },
    { keys: ["j", "k", "a", "c", "enter"], shown: "J K Enter A C", does: "keys.alarm_list",
      act: (key) => void alarms.handleKey(key) },
    { keys: ["s"], does: "keys.mute", act: press("#mute") },
    { keys: ["escape"], shown: "Esc", does: "keys.escape",
      act: () => { if (!drawer.close()) wall.maximise(null); } },
  ]);
  fill(need("#key-help"), icon("help"));
  need("#key-help").addEventListener("click", () =>
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "?" })));
  need("#key-help").title = t("keys.title");
}

void start();
