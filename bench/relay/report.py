"""Writes the figures of build/bench.json into the table of docs/performance.md.

    python -m bench.relay.report [--json build/bench.json] [--page docs/performance.md]

Run it on the machine that took them: the line above the table names it.
"""

import argparse
import json
import os
import platform
import re
from pathlib import Path
from typing import Any

from bench.relay.native import ROOT
from bench.relay.rows import BY_NAME
from bench.relay.table import shown

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def machine() -> str:
    """The machine that this runs on."""
    facts = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*:\s*(.+)", facts)
    cores = len(os.sched_getaffinity(0))
    name = model.group(1).strip() if model else platform.machine()
    return f"{name}, {cores} cores, Linux {platform.release()}, Python {platform.python_version()}"


def table(figures: list[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    lines = ["| name | what | value | reference | ratio | limit |", "|---|---|---|---|---|---|"]
    for each in figures:
        row = BY_NAME[each["name"]]
        value = "not available" if "not_available" in each else "every run discarded"
        if each["value"] is not None:
            value = f"{each['value']:.3g} {row.unit}"
            value += " (doubtful)" if each["is_doubtful"] else ""
        reference = "-"
        if each["reference"] is not None and each["reference_is"] != "limit":
            reference = f"{each['reference']:.3g} ({each['reference_is']})"
        # What is held against a plain number has that number as its limit, not a ratio.
        is_plain = each["reference_is"] == "limit"
        ratio = "-" if is_plain else shown(each["ratio"], 2)
        limit = f"{each['reference']:g} {row.unit}" if is_plain else shown_limit(each["limit"])
        lines.append(
            f"| `{each['name']}` | {row.title} | {value} | {reference} | {ratio} | {limit} |"
        )
    return "\n".join(lines)


def shown_limit(limit: float | None) -> str:
    """A limit, or a dash where there is none."""
    return "-" if limit is None else f"{limit:g}"


def rewrite(page: str, figures: list[dict[str, Any]], taken_on: str) -> str:
    """The page with this table between the markers; raises ValueError when it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no place for the figures")
    return f"{before}{BEGIN}\nTaken on: {taken_on}.\n\n{table(figures)}\n{END}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md")
    options = parser.parse_args()
    figures = json.loads(options.json.read_text())
    options.page.write_text(rewrite(options.page.read_text(), figures, machine()))


if __name__ == "__main__":
    main()
