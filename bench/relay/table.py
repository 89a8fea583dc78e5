"""Rounds of runs into figures: medians, ratios, what was discarded; printed and as JSON."""

import statistics
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from bench.relay.native import BenchError
from bench.relay.rows import BY_NAME, Row
from bench.relay.runs import Load, NotAvailable, Run

EXTRA_ROUNDS = 2
"""Tried for rows of which runs were discarded."""
SMOKE_WORKERS = 4


@dataclass(slots=True)
class Taken:
    """The runs of one row."""

    row: Row
    kept: list[Run] = field(default_factory=list)
    doubtful: list[Run] = field(default_factory=list)
    """Discarded for a late generator only."""
    discarded: list[str] = field(default_factory=list)
    not_available: str = ""

    @property
    def counted(self) -> list[Run]:
        """The good runs; the doubtful ones where there is no good one."""
        return self.kept or self.doubtful

    @property
    def value(self) -> float | None:
        """The figure; None when no run counts."""
        values = [run.value for run in self.counted]
        if not values:
            return None
        return max(values) if self.row.combine == "max" else statistics.median(values)


def take_all(rows: list[Row], load: Load, repeats: int, budget_s: float) -> list[Taken]:
    """Rows round-robin, so that what else the machine does meets all of them alike.

    What was discarded is not repeated once `budget_s` has passed.
    """
    taken = [Taken(row) for row in rows]
    end = time.monotonic() + budget_s
    for number in range(repeats + EXTRA_ROUNDS):
        for each in taken:
            wanted = min(repeats, each.row.repeats)
            is_again = number >= repeats and bool(each.discarded) and time.monotonic() < end
            is_due = number < wanted or is_again
            if is_due and len(each.kept) < wanted and not each.not_available:
                _take_one(each, load, is_strict=True)
    return taken


def take_smoke(rows: list[Row], load: Load) -> list[Taken]:
    """Every row once, several at a time, nothing discarded: says that it works, not how fast."""
    taken = [Taken(row) for row in rows]
    with ThreadPoolExecutor(SMOKE_WORKERS) as pool:
        list(pool.map(lambda each: _take_one(each, load, is_strict=False), taken))
    return taken


def _take_one(each: Taken, load: Load, *, is_strict: bool) -> None:
    try:
        run = each.row.take(load)
    except NotAvailable as reason:
        each.not_available = str(reason)
        return
    except BenchError as error:
        run = Run(0.0, str(error))
    problem = run.problem or run.doubt
    if problem:
        print(f"{each.row.name}: {problem}", file=sys.stderr, flush=True)
        each.discarded.append(problem)
    if not problem or (not is_strict and run.value):
        each.kept.append(run)
    elif not run.problem:
        each.doubtful.append(run)


def figures(taken: Iterable[Taken]) -> list[dict[str, Any]]:
    """What goes into bench.json: name, value, unit, reference, ratio, and how it came about."""
    values = {each.row.name: each.value for each in taken}
    return [_figure(each, values) for each in taken]


def _figure(each: Taken, values: dict[str, float | None]) -> dict[str, Any]:
    row, value = each.row, each.value
    is_row = isinstance(row.reference, str)
    reference = values.get(str(row.reference)) if is_row else row.reference
    ratio = value / float(reference) if value is not None and reference else None
    figure: dict[str, Any] = {
        "name": row.name,
        "value": None if value is None else round(value, 3),
        "unit": row.unit,
        "reference": None if reference is None else round(float(reference), 3),
        "ratio": None if ratio is None else round(ratio, 3),
        "reference_is": row.reference if is_row else "limit" if row.reference else None,
        "limit": row.limit,
        "runs": [round(run.value, 3) for run in each.counted],
        "is_doubtful": bool(each.doubtful) and not each.kept,
        "discarded": each.discarded,
        "notes": each.counted[-1].notes if each.counted else {},
    }
    if each.not_available:
        figure["not_available"] = each.not_available
    return figure


def text(rows: list[dict[str, Any]]) -> str:
    """The table for the terminal."""
    head = f"{'what':<44}{'value':>10} {'unit':<12}{'reference':>10}{'ratio':>7}{'limit':>7}"
    lines = [head + "  lowest-highest"]
    for row in rows:
        line = f"{BY_NAME[row['name']].title:<44}"
        if row["value"] is None:
            reason = "not available" if "not_available" in row else "every run was discarded"
            lines.append(f"{line}{reason:>10}")
            continue
        line += f"{row['value']:>10.3f} {row['unit']:<12}{shown(row['reference']):>10}"
        line += f"{shown(row['ratio'], 2):>7}{shown(row['limit'], 2):>7}"
        line += f"  {min(row['runs']):.2f}-{max(row['runs']):.2f}"
        if row["discarded"]:
            line += ", DOUBTFUL" if row["is_doubtful"] else ""
            line += f", {len(row['discarded'])} discarded"
        notes = ", ".join(f"{key} {value}" for key, value in row["notes"].items())
        lines.append(line + (f"  ({notes})" if notes else ""))
    return "\n".join(lines)


def shown(number: float | None, digits: int = 3) -> str:
    """A figure, or a dash where there is none."""
    return "-" if number is None else f"{number:.{digits}f}"
