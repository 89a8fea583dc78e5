/** What can be done to a device, with the questions each act asks first. */

import type { Api } from "../api";
import type { Device } from "../contract";
import { h } from "../dom";
import { t } from "../i18n";
import { confirmLoss, field, openDialog, showSecret } from "./dialog";
import { attempt } from "./toast";

/** Let a device in: its id, a name, a password (or a generated one), shown this once. */
export async function addDevice(api: Api, suggested = ""): Promise<boolean> {
  const id = h("input", { name: "id", value: suggested, required: true, pattern: "[0-9]{20}",
    inputmode: "numeric", maxlength: "20", autocomplete: "off", title: t("device.id_hint") });
  const name = h("input", { name: "name", maxlength: "128", autocomplete: "off" });
  const password = h("input", { name: "password", maxlength: "64", autocomplete: "off",
    pattern: "[!-~]*", title: t("device.password_hint") });
  let made: { device: Device; password: string } | null = null;
  const added = await openDialog({
    title: t("device.add"),
    name: "add-device",
    body: [
      field(t("device.id"), id, t("device.id_hint")),
      field(t("device.name"), name, t("device.name_hint")),
      field(t("device.password"), password, t("device.password_hint")),
    ],
    action: {
      label: t("device.add"),
      run: async () => {
        made = await api.addDevice({
          id: id.value.trim(),
          ...(name.value.trim() === "" ? {} : { name: name.value.trim() }),
          ...(password.value === "" ? {} : { password: password.value }),
        });
      },
    },
  });
  if (added && made !== null) await showPassword(api, made);
  return added;
}

async function showPassword(api: Api, made: { device: Device; password: string }): Promise<void> {
  const values: [string, string][] = [[t("device.id"), made.device.id], [t("device.password"), made.password]];
  await attempt(async () => {
    const access = await api.access();
    values.unshift(
      [t("access.server_id"), access.server_id], [t("access.domain"), access.domain],
      [t("access.address"), access.addresses[0] ?? ""], [t("access.port"), String(access.port)]);
  });
  await showSecret(t("device.added_title"), t("device.added_text"), values);
}

/** A new password; the device must be given it before it can register again. */
export async function resetPassword(api: Api, device: Device): Promise<void> {
  let password = "";
  const done = await confirmLoss({
    title: t("device.reset_title", { name: device.name || device.id }),
    lost: [t("device.reset_lost")],
    action: t("device.reset"),
    run: async () => { ({ password } = await api.resetPassword(device.id)); },
  });
  if (!done) return;
  await showSecret(t("device.reset_done"), t("device.added_text"),
    [[t("device.id"), device.id], [t("device.password"), password]]);
}

export async function deleteDevice(api: Api, device: Device): Promise<boolean> {
  return confirmLoss({
    title: t("device.delete_title", { name: device.name || device.id }),
    lost: [
      t("device.lost_registration"),
      t("device.lost_channels", { count: device.channel_count }),
      t("device.lost_scenes"),
    ],
    kept: t("device.kept"),
    action: t("device.delete"),
    run: () => api.deleteDevice(device.id),
  });
}

export async function refreshCatalog(api: Api, device: Device): Promise<void> {
  await attempt(() => api.refreshCatalog(device.id), t("device.catalog_asked"));
}
