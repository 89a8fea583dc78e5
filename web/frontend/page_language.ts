/** The language of the page: the one the server rendered, and the switch to the other. */

import { need } from "./dom";
import { language, setLanguage, type Language } from "./i18n";

/** Use the language that the server rendered this page in. */
export function adoptPageLanguage(): Language {
  setLanguage(document.documentElement.lang.startsWith("en") ? "en" : "zh");
  return language();
}

/** The switch remembers the choice in a cookie, so that server and script agree. */
export function wireLanguageSwitch(): void {
  need("#language").addEventListener("click", () => {
    const other: Language = language() === "zh" ? "en" : "zh";
    document.cookie = `lang=${other}; path=/; max-age=31536000; SameSite=Lax`;
    location.reload();
  });
}
