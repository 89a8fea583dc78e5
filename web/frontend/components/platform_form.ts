/** The description of an upper platform: where it is, as whom we register there, what it may do. */

import type { Api } from "../api";
import { h } from "../dom";
import { t, type Key } from "../i18n";
import { PlatformApi } from "../platform_api";
import { CATALOG_FORMS, RIGHTS, type CatalogForm, type Platform, type PlatformDraft, type UpperRight } from "../platform_contract";
import { CodeField } from "./code_field";
import { field, openDialog } from "./dialog";

const EDITIONS = ["2022", "2016"] as const;
const CHARSETS = ["GB18030", "GB2312", "UTF-8"] as const;
const TRANSPORTS = ["udp", "tcp"] as const;

/** Ask for a new platform, or for changes of one; null when nothing came of it. New ones start switched off. */
export async function editPlatform(api: Api, present: Platform | null, ownId: string): Promise<Platform | null> {
  const form = new PlatformForm(present, ownId);
  const platforms = new PlatformApi(api);
  let saved: Platform | null = null;
  const done = await openDialog({
    title: present === null ? t("platform.add") : t("platform.edit_title", { name: present.name }),
    name: "platform",
    body: form.parts(),
    action: { label: present === null ? t("platform.save_new") : t("common.save"), run: async () => {
      saved = present === null ? await platforms.add({ ...form.draft(), is_enabled: false })
        : await platforms.change(present.id, form.change());
    } },
  });
  return done ? saved : null;
}

class PlatformForm {
  private readonly id: CodeField;
  private readonly ownId: CodeField;
  private readonly name: HTMLInputElement;
  private readonly host: HTMLInputElement;
  private readonly port: HTMLInputElement;
  private readonly domain: HTMLInputElement;
  private readonly username: HTMLInputElement;
  private readonly password: HTMLInputElement;
  private readonly expires: HTMLInputElement;
  private readonly interval: HTMLInputElement;
  private readonly count: HTMLInputElement;
  private readonly transport: HTMLSelectElement;
  private readonly edition: HTMLSelectElement;
  private readonly charset: HTMLSelectElement;
  private readonly rights: { right: UpperRight; box: HTMLInputElement }[];
  private readonly forms: { form: CatalogForm; radio: HTMLInputElement }[];

  constructor(private readonly present: Platform | null, ownId: string) {
    const text = (name: string, value: string, more: Record<string, string | boolean> = {}): HTMLInputElement =>
      h("input", { name, value, autocomplete: "off", ...more });
    const number = (name: string, value: number, min: number, max: number): HTMLInputElement =>
      h("input", { name, type: "number", value, min, max, required: true });
    this.id = new CodeField(t("platform.id"), { name: "id", hint: t("platform.id_hint"), value: present?.id ?? "",
      isFixed: present !== null });
    this.ownId = new CodeField(t("platform.own_id"), { name: "own_id", hint: t("platform.own_id_hint"),
      value: present?.own_id ?? ownId, isOptional: true });
    this.name = text("name", present?.name ?? "", { required: true, maxlength: "128" });
    this.host = text("host", present?.host ?? "", { required: true, maxlength: "253", placeholder: "10.14.0.2",
      pattern: "[0-9A-Za-z]([0-9A-Za-z.:\\-]*[0-9A-Za-z])?" });
    this.port = number("port", present?.port ?? 5060, 1, 65535);
    this.domain = text("domain", present?.domain ?? "", { maxlength: "63", pattern: "[0-9A-Za-z]([0-9A-Za-z.:\\-]*[0-9A-Za-z])?" });
    this.username = text("username", present?.username ?? "", { maxlength: "64" });
    this.password = h("input", { name: "password", type: "password", maxlength: "64", autocomplete: "new-password",
      pattern: "[ -~]*", placeholder: present?.password_set === true ? "••••••" : "" });
    this.expires = number("expires_s", present?.expires_s ?? 86_400, 60, 604_800);
    this.interval = number("keepalive_interval_s", present?.keepalive_interval_s ?? 60, 5, 3600);
    this.count = number("keepalive_count", present?.keepalive_count ?? 3, 1, 20);
    this.transport = choice("transport", TRANSPORTS, present?.transport ?? "udp", (value) => value.toUpperCase());
    this.edition = choice("edition", EDITIONS, present?.edition ?? "2022", (value) => `GB/T 28181-${value}`);
    this.charset = choice("charset", CHARSETS, present?.charset ?? "GB18030", (value) => value);
    this.rights = RIGHTS.map((right) => ({ right, box: h("input", { type: "checkbox", name: `right-${right}`,
      checked: present === null || present.rights.includes(right) }) }));
    this.forms = CATALOG_FORMS.map((form) => ({ form, radio: h("input", { type: "radio", name: "catalog_form",
      value: form, checked: (present?.catalog_form ?? "civil_code") === form }) }));
    this.followId();
  }

  /** The domain is nearly always the beginning of the code; shown as what stands there if nothing is typed. */
  private followId(): void {
    const show = (): void => { this.domain.placeholder = this.id.value.slice(0, 10) || "1400000000"; };
    this.id.input.addEventListener("input", show);
    show();
    // GB2312 is what the older edition asks for.
    this.edition.addEventListener("change", () => {
      if (this.present === null) this.charset.value = this.edition.value === "2016" ? "GB2312" : "GB18030";
    });
  }

  parts(): HTMLElement[] {
    const more = h("details", { class: "form-more" }, h("summary", {}, t("platform.group_more")),
      h("div", { class: "form-more-fields" },
        h("div", { class: "field-row" }, field(t("platform.domain"), this.domain, t("platform.domain_hint")),
          field(t("platform.charset"), this.charset)),
        h("div", { class: "field-three" }, field(t("platform.expires"), this.expires),
          field(t("platform.interval"), this.interval), field(t("platform.count"), this.count))));
    // A value that cannot be is shown, also where it is folded away.
    more.addEventListener("invalid", () => { more.open = true; }, true);
    return [
      group("platform.group_there", this.id.element,
        h("div", { class: "field-row" }, field(t("platform.name"), this.name), field(t("platform.host"), this.host)),
        h("div", { class: "field-three" }, field(t("platform.port"), this.port),
          field(t("platform.transport"), this.transport), field(t("platform.edition"), this.edition))),
      group("platform.group_own", this.ownId.element,
        h("div", { class: "field-row" },
          field(t("platform.username"), this.username, t("platform.username_hint")),
          field(t("platform.password"), this.password,
            t(this.present?.password_set === true ? "platform.password_kept" : "platform.password_hint")))),
      group("platform.group_form", h("div", { class: "radio-list", role: "radiogroup", "aria-label": t("platform.group_form") },
        ...this.forms.map(({ form, radio }) => h("label", { class: "radio" }, radio,
          h("span", {}, t(`platform.form.${form}` as Key)),
          h("span", { class: "quiet form-example" }, t(`platform.form_example.${form}` as Key)))))),
      group("platform.group_rights", h("div", { class: "check-grid" },
        ...this.rights.map(({ right, box }) => h("label", { class: "switch" }, box,
          h("span", {}, t(`platform.right.${right}` as Key)))))),
      more,
    ];
  }

  draft(): PlatformDraft {
    const domain = this.domain.value.trim();
    const ownId = this.ownId.value;
    return { id: this.id.value, ...this.fields(), ...(domain === "" ? {} : { domain }), ...(ownId === "" ? {} : { own_id: ownId }),
      ...(this.password.value === "" ? {} : { password: this.password.value }), is_enabled: this.present?.is_enabled ?? false };
  }

  /** Without the code, which stays, and without the switch. */
  change(): Partial<PlatformDraft> {
    const { id: _, is_enabled: __, ...rest } = this.draft();
    return rest;
  }

  private fields(): Omit<PlatformDraft, "id" | "domain" | "own_id" | "password" | "is_enabled"> {
    return {
      name: this.name.value.trim(), host: this.host.value.trim(), port: this.port.valueAsNumber,
      transport: this.transport.value as PlatformDraft["transport"], username: this.username.value.trim(),
      expires_s: this.expires.valueAsNumber, keepalive_interval_s: this.interval.valueAsNumber,
      keepalive_count: this.count.valueAsNumber, edition: this.edition.value as PlatformDraft["edition"],
      charset: this.charset.value as PlatformDraft["charset"],
      catalog_form: this.forms.find(({ radio }) => radio.checked)?.form ?? "civil_code",
      rights: this.rights.filter(({ box }) => box.checked).map(({ right }) => right),
    };
  }
}

function choice<Value extends string>(
  name: string, values: readonly Value[], chosen: Value, words: (value: Value) => string,
): HTMLSelectElement {
  return h("select", { name }, ...values.map((value) => h("option", { value, selected: value === chosen }, words(value))));
}

function group(title: Key, ...content: HTMLElement[]): HTMLElement {
  return h("fieldset", { class: "form-group" }, h("legend", {}, t(title)), ...content);
}
