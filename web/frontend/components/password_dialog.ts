/** Changing one's own password; asked for at the first sign-in with a generated one. */

import { Problem, type Api } from "../api";
import { h } from "../dom";
import { t } from "../i18n";
import { field, openDialog } from "./dialog";
import { toast } from "./toast";

/** Ask for the old and the new password; `isDue` says why it is asked now. */
export async function passwordDialog(api: Api, isDue: boolean): Promise<void> {
  const old = secretInput("old", "current-password");
  const fresh = secretInput("new", "new-password");
  const again = secretInput("again", "new-password");
  const changed = await openDialog({
    title: t("password.title"),
    name: "password",
    body: [
      ...(isDue ? [h("p", { class: "notice" }, t("password.due"))] : []),
      field(t("password.old"), old),
      field(t("password.new"), fresh, t("password.hint")),
      field(t("password.again"), again),
    ],
    action: {
      label: t("password.change"),
      run: async () => {
        if (fresh.value !== again.value) throw new Problem(0, "mismatch", t("password.mismatch"), "");
        await api.changePassword(old.value, fresh.value);
      },
    },
  });
  if (changed) toast(t("password.changed"));
}

function secretInput(name: string, autocomplete: string): HTMLInputElement {
  return h("input", { type: "password", name, autocomplete, required: true, minlength: name === "old" ? 1 : 8 });
}
