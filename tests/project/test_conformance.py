"""The conformance list, its tests and its page belong together and name each other truly."""

import ast
import csv
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests" / "conformance"
PAGE = ROOT / "docs" / "conformance.md"
NUMBERS = range(1, 119)
NAMED = re.compile(r"test_c(\d{3})_[a-z0-9_]+")


@cache
def functions() -> list[tuple[str, str]]:
    """(file, name) of every test of a number."""
    return [
        (path.name, node.name)
        for path in sorted(FOLDER.glob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_c")
        and node.name[6:7].isdigit()
    ]


@cache
def rows() -> dict[int, dict[str, str]]:
    with (FOLDER / "checklist.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["number"]): row for row in csv.DictReader(file)}


def test_the_list_has_every_number_once_with_its_sides() -> None:
    text = (FOLDER / "checklist.csv").read_text(encoding="utf-8")
    assert [int(number) for number in re.findall(r"(?m)^(\d+),", text)] == list(NUMBERS)
    assert {row["side"] for row in rows().values()} == {"P", "S", "PS"}
    assert all(row["area"] and row["rule"] for row in rows().values())


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_has_a_test_or_a_reason_and_not_both(number: int) -> None:
    tested = any(name.startswith(f"test_c{number:03d}_") for _, name in functions())
    reason = rows()[number]["open"].strip()
    assert tested != bool(reason), f"{number}: tests {tested}, open {reason!r}"


def test_the_names_of_tests_are_of_numbers_and_their_own() -> None:
    names = [name for _, name in functions()]
    assert [name for name in names if NAMED.fullmatch(name) is None] == []
    assert {int(name[6:9]) for name in names} <= set(NUMBERS)
    assert sorted(names) == sorted(set(names)), "two files with one name: the report joins them"


def test_the_page_names_every_test_and_no_other() -> None:
    """Run `make conformance` and commit docs/conformance.md after adding or renaming one."""
    shown = set(re.findall(r"`(test_c\d{3}_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert shown == {name for _, name in functions()}


def test_the_page_tells_the_rules_and_reasons_of_the_list() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for number, row in rows().items():
        assert f"| {number} | {row['side']} | {row['rule']} |" in text
        assert not row["open"] or f"open: {row['open']}" in text
    assert "**" not in text, "a number fails, or has neither test nor reason"


def junit(*cases: str) -> str:
    return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"


def case(name: str, inside: str = "") -> str:
    return f'<testcase classname="tests.conformance.test_x" name="{name}">{inside}</testcase>'


PASSED = case("test_c001_codes[1]") + case("test_c001_codes[2]")
FAILED = case("test_c001_codes[1]") + case("test_c001_codes[2]", "<failure/>")


@pytest.mark.parametrize(
    ("cases", "reason", "code", "verdict"),
    [
        (PASSED, "", 0, "passes"),
        (FAILED, "", 1, "**fails**"),
        (PASSED + case("test_wireshark_reads_it", "<error/>"), "", 1, "passes"),
        ("", "", 1, "**no test**"),
        ("", "later", 0, "open: later"),
    ],
)
def test_the_run_fails_with_a_number(
    tmp_path: Path, cases: str, reason: str, code: int, verdict: str
) -> None:
    spec = importlib.util.spec_from_file_location("conformance_report", FOLDER / "report.py")
    assert spec and spec.loader
    report = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = report
    spec.loader.exec_module(report)
    run, rules, page = (tmp_path / name for name in ("run.xml", "rules.csv", "page.md"))
    run.write_text(junit(cases))
    rules.write_text(f"number,side,area,rule,open\n1,PS,Codes,twenty digits,{reason}\n")
    assert report.main(run, rules, page) == code
    assert f"| {verdict} |" in page.read_text()
