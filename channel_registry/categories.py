"""The 36 kinds of place that a mine must show, and which one a channel belongs to.

A channel's category is, in this order:

1. the first two digits of the 4-digit code somebody assigned (category + serial in the mine);
2. a guess from its name: blanks and punctuation are dropped; every spelling of every category that
   the name contains competes; the longest wins, of equally long ones the one that ends last (a
   Chinese place name has its head at the end), then the category that comes first in the list;
3. none.

Spellings are the official name, the names that its brackets abbreviate (`中央（采区）变电所` is
both `中央变电所` and `采区变电所`), and the words of the trade in `category_aliases.csv`.
"""

import csv
import io
import re
import unicodedata
from functools import lru_cache
from importlib.resources import files

from channel_registry.errors import InvalidCode
from channel_registry.records import Category, CategorySource

_BRACKETS = re.compile(r"(?P<before>[^（）、，]*)（(?P<inside>[^（）]*)）")
_NOISE = re.compile(r"[\W_]+")
_CATEGORY_CODE = re.compile(r"[0-9]{4}", re.ASCII)
_GUESS_CACHE = 4096


def _rows(name: str) -> list[dict[str, str]]:
    text = files("channel_registry").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _load_categories() -> tuple[Category, ...]:
    return tuple(
        Category(
            order=int(row["order"]),
            prefix=row["prefix"],
            name=row["name"],
            min_cameras=int(row["min_cameras"]),
            location=row["location"],
            capabilities=tuple(row["capabilities"].split()),
        )
        for row in _rows("categories.csv")
    )


def _plain(text: str) -> str:
    """Without blanks and punctuation, full-width forms folded, Latin letters small."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text).casefold())


def _spellings(name: str) -> set[str]:
    """The official name and what its brackets abbreviate."""
    found = {_plain(name), _plain(re.sub(r"（[^（）]*）", "", name))}
    for match in _BRACKETS.finditer(name):
        inside = match["inside"]
        if inside.startswith("如"):  # an example, not an alternative
            continue
        before, after = match["before"], name[match.end() :]
        for word in re.split(r"[、，]", inside.removesuffix("等")):
            found.add(_plain(word + after))
            found.add(_plain(before + word + after))
    return {spelling for spelling in found if len(spelling) >= 3}


def _load_spellings() -> tuple[tuple[str, str], ...]:
    """Every (spelling, prefix), the longest first; of the official names, list order decides."""
    pairs: dict[str, str] = {}
    for category in CATEGORIES:
        for spelling in sorted(_spellings(category.name)):
            pairs.setdefault(spelling, category.prefix)
    for row in _rows("category_aliases.csv"):
        pairs.setdefault(_plain(row["alias"]), row["prefix"])
    return tuple(sorted(pairs.items(), key=lambda pair: (-len(pair[0]), pair[1])))


CATEGORIES: tuple[Category, ...] = _load_categories()
"""The 36 in their official order."""

BY_PREFIX: dict[str, Category] = {category.prefix: category for category in CATEGORIES}
"""Two-digit prefix → category."""

_SPELLINGS = _load_spellings()


def parse_category_code(text: str) -> str:
    """A 4-digit category code whose first half is one of the 36; raises `InvalidCode`."""
    code = text.strip(" \t\r\n")
    if not _CATEGORY_CODE.fullmatch(code) or code[:2] not in BY_PREFIX:
        raise InvalidCode(text, "4 digits, the first two 01-36")
    return code


@lru_cache(maxsize=_GUESS_CACHE)
def guess_category(name: str) -> str | None:
    """The prefix of the category whose spelling the name contains, or none."""
    plain = _plain(name)
    best: tuple[int, int, str] | None = None
    for spelling, prefix in _SPELLINGS:
        if best is not None and len(spelling) < best[0]:
            break
        end = plain.rfind(spelling)
        if end >= 0 and (best is None or end > best[1]):
            best = (len(spelling), end, prefix)
    return best[2] if best else None


def category_of(name: str, category_code: str | None) -> tuple[str | None, CategorySource]:
    """The category prefix of a channel with this name and assigned code, and why."""
    if category_code is not None:
        return category_code[:2], CategorySource.ASSIGNED
    guessed = guess_category(name)
    return guessed, CategorySource.NONE if guessed is None else CategorySource.GUESSED
