/** Alarm levels: always a shape, a word and a colour together. */

import type { AlarmLevel, AlarmState } from "../contract";
import { h, icon } from "../dom";
import { t } from "../i18n";

/** "▲ Ⅰ级 红". */
export function levelBadge(level: AlarmLevel): HTMLElement {
  return h("span", { class: `level level-${level}`, "data-level": level },
    icon(`level-${level}`), t(`level.${level}`));
}

/** "未确认", "已确认", "已解除". */
export function stateBadge(state: AlarmState): HTMLElement {
  return h("span", { class: `alarm-state alarm-state-${state}`, "data-alarm-state": state },
    t(`alarm.state.${state}`));
}
