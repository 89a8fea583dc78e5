"""Writes docs/conformance.md from a run of this folder: `report.py JUNIT_XML CHECKLIST OUTPUT`."""

import csv
import re
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

NAMED = re.compile(r"test_c(\d{3})_\w+")


@dataclass
class Outcome:
    """What a run says of one test function, all its parameters together."""

    passed: int = 0
    failed: int = 0
    file: str = ""


@dataclass
class Rule:
    """One number of the list."""

    number: int
    side: str
    area: str
    text: str
    open: str
    tests: dict[str, Outcome] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        if any(outcome.failed for outcome in self.tests.values()):
            return "**fails**"
        if self.tests:
            return "passes"
        return f"open: {self.open}" if self.open else "**no test**"


def read_rules(path: Path) -> dict[int, Rule]:
    """Read the list."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            int(row["number"]): Rule(
                int(row["number"]), row["side"], row["area"], row["rule"], row["open"]
            )
            for row in rows
        }


def read_outcomes(path: Path) -> dict[str, Outcome]:
    """Read a run's JUnit file; the parameters of one test are counted together."""
    found: dict[str, Outcome] = defaultdict(Outcome)
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        outcome = found[case.get("name", "").partition("[")[0]]
        outcome.file = case.get("classname", "").replace(".", "/") + ".py"
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.failed += 1
        else:
            outcome.passed += 1
    return found


def join(rules: dict[int, Rule], outcomes: dict[str, Outcome]) -> None:
    """Put each test to its number."""
    for name, outcome in outcomes.items():
        if (named := NAMED.fullmatch(name)) is not None:
            rules[int(named[1])].tests[name] = outcome


def build_page(rules: dict[int, Rule]) -> str:
    """Write the page."""
    counted: dict[str, int] = defaultdict(int)
    for rule in rules.values():
        counted[rule.verdict.partition(":")[0].strip("*")] += 1
    lines = [
        "# Conformance to GB/T 28181",
        "",
        "Written by `make conformance`; do not edit. Both editions (2016, 2022).",
        "P is the platform, S our device simulator.",
        "",
        ", ".join(f"{count} {verdict}" for verdict, count in sorted(counted.items())) + ".",
        "",
        "Beside each test stands how many cases it has. Open are " + _list_open(rules) + ".",
        "The flows themselves are in `build/captures` after a run; Wireshark opens them.",
    ]
    area = ""
    for rule in sorted(rules.values(), key=lambda rule: rule.number):
        if rule.area != area:
            area = rule.area
            lines += [
                "",
                f"## {area}",
                "",
                "| no. | side | rule | verdict | tests |",
                "|---|---|---|---|---|",
            ]
        tests = "<br>".join(f"`{name}` ({o.passed})" for name, o in sorted(rule.tests.items()))
        lines.append(f"| {rule.number} | {rule.side} | {rule.text} | {rule.verdict} | {tests} |")
    return "\n".join(lines) + "\n"


def _list_open(rules: dict[int, Rule]) -> str:
    """The open numbers, a run of them as first-last."""
    numbers = sorted(number for number, rule in rules.items() if rule.open)
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return (
        ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs) or "none"
    )


def main(junit: Path, checklist: Path, output: Path) -> int:
    """Write the page; 1 when any test fails or a number has neither test nor reason."""
    rules = read_rules(checklist)
    outcomes = read_outcomes(junit)
    join(rules, outcomes)
    output.write_text(build_page(rules), encoding="utf-8")
    bad = [f"{rule.number} {rule.verdict}" for rule in rules.values() if "**" in rule.verdict]
    bad += [name for name, outcome in outcomes.items() if outcome.failed]
    sys.stderr.writelines(f"{line}\n" for line in bad)
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
