/** Broadcasts: say something to many, see who heard it, keep announcements and their timetable. */

import "./styles/base.css";
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/alarms.css";
import "./styles/voice.css";
import { AnnouncementList } from "./components/announcement_list";
import { BroadcastForm } from "./components/broadcast_form";
import { BroadcastList } from "./components/broadcast_list";
import { TimetableList } from "./components/timetable_list";
import { attempt } from "./components/toast";
import { fill, h, need } from "./dom";
import { canOperate, startPage } from "./frame";
import { t } from "./i18n";

const EVERY_MS = 1_000;

async function start(): Promise<void> {
  const { api, session } = await startPage([]);
  const mayChange = canOperate(session);
  const loadList = async (): Promise<void> => list.show(await api.broadcasts());
  const loadKept = async (): Promise<void> => {
    const [announcements, entries] = await Promise.all([api.announcements(), api.timetable()]);
    library.show(announcements);
    timetable.show(entries, announcements);
    form.offer(announcements);
  };
  const soon = (work: () => Promise<void>) => () => void attempt(work);
  const form = new BroadcastForm(api, soon(loadList));
  const list = new BroadcastList(api, mayChange, soon(loadList));
  const library = new AnnouncementList(api, mayChange, soon(loadKept));
  const timetable = new TimetableList(api, mayChange, soon(loadKept));
  fill(need("#page"), h("header", { class: "page-head" }, h("h1", {}, t("nav.broadcasts"))),
    h("div", { class: "voice-page" },
      h("div", { class: "voice-column" }, mayChange ? form.element : null, library.element, timetable.element),
      list.element));
  await attempt(async () => { await Promise.all([loadList(), loadKept()]); });
  let isLoading = false;
  window.setInterval(() => {
    // A button under a finger must not be exchanged while it is pressed.
    if (document.hidden || isLoading || list.element.querySelector("button:active") !== null) return;
    isLoading = true;
    loadList().catch(() => undefined).finally(() => { isLoading = false; });
  }, EVERY_MS);
}

void start();
