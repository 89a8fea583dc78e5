/** A field for a 20-digit code: says while one types what is missing, and what each part means. */

import { fill, h } from "../dom";
import { t, tServer, type Key } from "../i18n";
import { compact, judge, partsOf, SERVER_TYPE, type CodePart } from "./code_parts";

export class CodeField {
  readonly input: HTMLInputElement;
  readonly element: HTMLElement;
  private readonly words = h("span", { class: "code-words", "aria-live": "polite" });
  private readonly parts = h("span", { class: "code-parts" });

  /** `type` is the one that its digits 11 to 13 should have; empty: any. */
  constructor(
    label: string, private readonly options: { name: string; value?: string; hint: string; isOptional?: boolean; type?: string; isFixed?: boolean },
  ) {
    this.input = h("input", { name: options.name, value: options.value ?? "", required: options.isOptional !== true,
      inputmode: "numeric", autocomplete: "off", spellcheck: "false", maxlength: "40", class: "code-input",
      readonly: options.isFixed === true, "aria-describedby": `${options.name}-words` });
    this.words.id = `${options.name}-words`;
    this.element = h("div", { class: "field code-field", "data-code-field": options.name },
      h("label", { class: "field-label", for: `${options.name}-input` }, label), this.input, this.words, this.parts);
    this.input.id = `${options.name}-input`;
    this.input.addEventListener("input", () => this.tell());
    this.tell();
  }

  get value(): string {
    return compact(this.input.value);
  }

  private tell(): void {
    const { value } = this;
    const verdict = judge(value, this.options.type ?? SERVER_TYPE);
    const isWrong = verdict.is === "wrong_sign" || verdict.is === "short" || verdict.is === "long";
    const words = verdict.is === "empty" ? this.options.hint : verdictWords(verdict);
    this.words.textContent = words;
    this.words.dataset["tone"] = verdict.is === "good" ? "ok" : verdict.is === "empty" ? "quiet" : isWrong ? "bad" : "warn";
    this.element.dataset["verdict"] = verdict.is;
    this.input.setCustomValidity(isWrong ? words : "");
    fill(this.parts, ...(/^\d+$/.test(value) ? partsOf(value).map(partView) : []));
  }
}

function verdictWords(verdict: Exclude<ReturnType<typeof judge>, { is: "empty" }>): string {
  switch (verdict.is) {
    case "wrong_sign": return t("code.wrong_sign", { at: verdict.at, sign: verdict.sign });
    case "short": return t("code.short", { missing: verdict.missing });
    case "long": return t("code.long", { more: verdict.more });
    case "other_type": return t("code.other_type", { type: named("type", verdict.type) });
    case "good": return t("code.good");
  }
}

function partView(part: CodePart): HTMLElement {
  const meaning = part.isWhole || part.name === "centre" ? meaningOf(part) : "";
  return h("span", { class: "code-part", "data-part": part.name },
    h("b", {}, part.digits), h("span", { class: "quiet" }, t(`code.part.${part.name}` as Key)),
    meaning === "" ? null : h("span", {}, meaning));
}

function meaningOf({ name, digits }: CodePart): string {
  switch (name) {
    case "centre": return digits.length < 2 ? "" : named("region", digits.slice(0, 2), "");
    case "industry": return named("industry", digits, "");
    case "type": return named("type", digits, "");
    default: return "";
  }
}

/** The table's word for these digits, or what is said where it has none. */
function named(table: "region" | "industry" | "type", digits: string, otherwise = digits): string {
  const words = tServer(`code.${table}`, digits);
  return words === digits ? otherwise : words;
}
