/** Sign in: one form, plain words when it fails, a countdown when it is locked. */

import "./styles/base.css";
import "./styles/controls.css";
import "./styles/login.css";
import { Api, Problem } from "./api";
import { problemText } from "./components/toast";
import { need } from "./dom";
import { t } from "./i18n";
import { adoptPageLanguage, wireLanguageSwitch } from "./page_language";

const form = need<HTMLFormElement>("#login");
const button = need<HTMLButtonElement>("#login button[type=submit]");
const fault = need("#login-fault");

const api = new Api({ language: adoptPageLanguage() });
wireLanguageSwitch();

if (new URLSearchParams(location.search).has("over")) {
  fault.textContent = t("login.over");
  fault.hidden = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void signIn(new FormData(form));
});

async function signIn(fields: FormData): Promise<void> {
  button.disabled = true;
  fault.hidden = true;
  try {
    await api.login(String(fields.get("username")), String(fields.get("password")));
    location.assign(safeNext(new URLSearchParams(location.search).get("next")));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showFault(error);
  }
}

/** A path of this server and nothing else: a link to the login page must not lead astray. */
function safeNext(wanted: string | null): string {
  return wanted !== null && /^\/(?![/\\])/.test(wanted) ? wanted : "/";
}

function showFault(problem: Problem): void {
  fault.hidden = false;
  fault.dataset["code"] = problem.code;
  fault.textContent = problemText(problem);
  if (problem.retryAfterS === null) {
    button.disabled = false;
    need<HTMLInputElement>("#login [name=password]").select();
  } else {
    countDown(Math.ceil(problem.retryAfterS));
  }
}

function countDown(seconds: number): void {
  if (seconds <= 0) {
    button.disabled = false;
    button.textContent = t("login.submit");
    return;
  }
  button.textContent = t("login.wait", { seconds });
  window.setTimeout(() => countDown(seconds - 1), 1_000);
}
