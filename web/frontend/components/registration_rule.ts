/** How a device, or every device, is registered: digests, time correction, redirect. */

import type { Api } from "../api";
import { ControlApi, type Digest, type RegistrationRule } from "../control_api";
import { h } from "../dom";
import { t, type Key } from "../i18n";
import { confirmLoss, field } from "./dialog";
import { readInto } from "./reading";
import { attempt } from "./toast";

const DIGESTS: Digest[] = ["SM3", "SHA-256", "MD5"];
const PLACES: Key[] = ["rule.digest_first", "rule.digest_second", "rule.digest_third"];
const SIP_PORT = 5060;

/** What is in the form, as typed. */
export interface TypedRule {
  digests: string[];
  sendDate: string;
  serverId: string;
  host: string;
  port: string;
  transport: string;
}

/** The rule that a form says; no host and no server mean no redirect. */
export function ruleOf(typed: TypedRule): RegistrationRule {
  const digests = DIGESTS.filter((digest) => typed.digests.includes(digest))
    .sort((a, b) => typed.digests.indexOf(a) - typed.digests.indexOf(b));
  const goes = typed.serverId.trim() !== "" || typed.host.trim() !== "";
  return {
    digest_algorithms: digests,
    send_date: typed.sendDate === "" ? null : typed.sendDate === "true",
    redirect_to: !goes ? null : {
      server_id: typed.serverId.trim(), host: typed.host.trim(),
      port: typed.port === "" ? SIP_PORT : Number(typed.port), transport: typed.transport === "tcp" ? "tcp" : "udp",
    },
  };
}

/** The rule of a device, or with null of all of them; read at once, saved by its button. */
export function ruleForm(api: Api, device: string | null, mayChange: boolean): HTMLElement {
  const control = new ControlApi(api);
  const place = h("div", { "data-rule": device ?? "all" });
  const show = (rule: RegistrationRule): Node[] => [form(rule, mayChange, async (wanted) => {
    const save = async (): Promise<void> => {
      place.replaceChildren(...show(await control.setRegistrationRule(device, wanted)));
    };
    if (wanted.redirect_to === null) {
      await attempt(save, t("rule.saved"));
      return;
    }
    await confirmLoss({
      title: t("rule.redirect_title", { host: wanted.redirect_to.host }), intro: t("rule.redirect_intro"),
      lost: [t(device === null ? "rule.redirect_all_lost" : "rule.redirect_lost")],
      kept: t("rule.redirect_kept"), action: t("rule.redirect_action"), run: save,
    });
  })];
  void readInto(place, async () => show(await control.registrationRule(device)));
  return place;
}

function form(rule: RegistrationRule, mayChange: boolean, save: (wanted: RegistrationRule) => Promise<void>): HTMLElement {
  const disabled = !mayChange;
  const digests = PLACES.map((_, place) => choice(`digest-${place}`, disabled, rule.digest_algorithms[place] ?? "",
    [["", place === 0 ? t("rule.as_configured") : "—"], ...DIGESTS.map((digest): [string, string] => [digest, digest])]));
  const date = choice("send-date", disabled, rule.send_date === null ? "" : String(rule.send_date),
    [["", t("rule.as_configured")], ["true", t("rule.date_on")], ["false", t("rule.date_off")]]);
  const target = rule.redirect_to;
  const text = (name: string, value: string, more: Record<string, string>): HTMLInputElement =>
    h("input", { name, value, disabled, autocomplete: "off", ...more });
  const server = text("redirect-server", target?.server_id ?? "", { pattern: "[0-9]{20}", maxlength: "20", inputmode: "numeric" });
  const host = text("redirect-host", target?.host ?? "", { pattern: "[0-9A-Za-z.:\\-]{1,253}", maxlength: "253" });
  const port = text("redirect-port", target === null ? "" : String(target.port),
    { type: "number", min: "1", max: "65535", placeholder: String(SIP_PORT) });
  const transport = choice("redirect-transport", disabled, target?.transport ?? "udp", [["udp", "UDP"], ["tcp", "TCP"]]);
  const needBoth = (): void => {
    const goes = server.value !== "" || host.value !== "";
    server.required = goes;
    host.required = goes;
  };
  server.addEventListener("input", needBoth);
  host.addEventListener("input", needBoth);
  const element = h("form", { class: "rule-form" },
    h("fieldset", { class: "config-part" }, h("legend", {}, t("rule.digests")),
      h("div", { class: "field-three" }, ...digests.map((select, place) => field(t(PLACES[place] as Key), select))),
      h("p", { class: "field-hint" }, t("rule.digests_hint"))),
    field(t("rule.date"), date, t("rule.date_hint")),
    h("fieldset", { class: "config-part" }, h("legend", {}, t("rule.redirect")),
      field(t("access.server_id"), server),
      h("div", { class: "field-three" }, field(t("access.address"), host), field(t("access.port"), port),
        field(t("access.transports"), transport)),
      h("p", { class: "field-hint" }, t("rule.redirect_hint"))),
    mayChange ? h("button", { type: "submit", class: "button", "data-action": "save-rule" }, t("common.save")) : null);
  element.addEventListener("submit", (event) => {
    event.preventDefault();
    void save(ruleOf({ digests: digests.map((select) => select.value), sendDate: date.value, serverId: server.value,
      host: host.value, port: port.value, transport: transport.value }));
  });
  return element;
}

function choice(name: string, disabled: boolean, value: string, options: [string, string][]): HTMLSelectElement {
  return h("select", { name, disabled }, ...options.map(([option, label]) =>
    h("option", { value: option, selected: option === value }, label)));
}
