"""Which of the two languages a reader gets: Chinese first, English when asked for."""

from enum import StrEnum

from aiohttp import web

COOKIE = "lang"


class Language(StrEnum):
    """The languages that every text for people exists in."""

    ZH = "zh"
    EN = "en"


def language_of(request: web.Request) -> Language:
    """The reader's switch (cookie `lang`), else the first known language of Accept-Language."""
    chosen = request.cookies.get(COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    return negotiate(request.headers.get("Accept-Language", ""))


def negotiate(accepted: str) -> Language:
    """The preferred known language of an Accept-Language value (RFC 9110 §12.5.4)."""
    best, best_weight = Language.ZH, 0.0
    for part in accepted.split(",")[:20]:
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().partition("-")[0]
        weight = _weight(parameter)
        if primary in set(Language) and weight > best_weight:
            best, best_weight = Language(primary), weight
    return best


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return min(1.0, float(value))
    except ValueError:
        return 0.0
