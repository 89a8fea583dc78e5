"""Writes the example file and the reference page out of the configuration's own models.

`python -m vms.config_docs` in the project's root writes both; a test compares them with what is
there.
"""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo

from vms.config import ENVIRONMENT_PREFIX, SECTIONS, settings, toml_value

EXAMPLE = Path("vms.example.toml")
REFERENCE = Path("docs/reference/config.md")
_SIGNS = {Ge: "ge", Gt: "gt", Le: "le", Lt: "lt"}
_WORDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def build_example() -> str:
    """The file `vms.example.toml`: every key with its meaning and its default, commented out."""
    lines = [
        "# Fengsui VMS: every key with its default. Copy to vms.toml and change what you need.",
        "# Each key can be given as an environment variable instead: VMS_SIP__PORT=5061.",
    ]
    for section, keys in _grouped():
        lines.append("")
        if section:
            lines += [f"# {_meaning_of(section)}", f"[{section}]"]
        for key, field in keys:
            lines.append(f"# {_described(field)}")
            lines.append(f"# {key} = {toml_value(field.default)}")
    return "\n".join(lines) + "\n"


def build_reference() -> str:
    """The page `docs/reference/config.md`."""
    lines = [
        "# Configuration",
        "",
        "Generated from `vms/config_sections.py`; change it there. Keys stand in `vms.toml`; a",
        "variable of the environment goes over the file, an option of the command line over both.",
        "Unknown keys are refused. `vms check` explains what is wrong.",
    ]
    for section, keys in _grouped():
        lines += ["", f"## `[{section}]`" if section else "## Top level", ""]
        if section:
            lines += [_meaning_of(section), ""]
        lines += ["| key | variable | default | bounds | meaning |", "|---|---|---|---|---|"]
        lines += [_row(section, key, field) for key, field in keys]
    return "\n".join(lines) + "\n"


def _grouped() -> Iterator[tuple[str, list[tuple[str, FieldInfo]]]]:
    by_section = groupby(settings(), key=lambda each: each[0][0] if len(each[0]) > 1 else "")
    for section, found in by_section:
        yield section, [(names[-1], field) for names, field in found]


def _row(section: str, key: str, field: FieldInfo) -> str:
    variable = ENVIRONMENT_PREFIX + "__".join(filter(None, (section, key))).upper()
    cells = (
        f"`{key}`",
        f"`{variable}`",
        f"`{toml_value(field.default)}`",
        _bounds(field).replace("|", "\\|"),
        _described(field).replace("|", "\\|"),
    )
    return "| " + " | ".join(cells) + " |"


def _described(field: FieldInfo) -> str:
    meaning = " ".join((field.description or "").split())
    extra = field.json_schema_extra
    unit = extra.get("unit") if isinstance(extra, dict) else None
    return f"{meaning} ({unit})" if unit else meaning


def _bounds(field: FieldInfo) -> str:
    """What the value must satisfy, in signs."""
    found: list[str] = []
    for rule in field.metadata:
        for kind, name in _SIGNS.items():
            if isinstance(rule, kind):
                found.append(f"{_WORDS[name]} {getattr(rule, name)}")
        if isinstance(rule, MinLen):
            found.append(f"at least {rule.min_length}")
        if isinstance(rule, MaxLen):
            found.append(f"at most {rule.max_length}")
    return ", ".join(found)


def _meaning_of(section: str) -> str:
    return (SECTIONS[section].__doc__ or "").strip()


if __name__ == "__main__":
    EXAMPLE.write_text(build_example(), encoding="utf-8")
    REFERENCE.parent.mkdir(parents=True, exist_ok=True)
    REFERENCE.write_text(build_reference(), encoding="utf-8")
