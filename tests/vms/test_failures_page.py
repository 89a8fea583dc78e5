"""docs/failures.md promises a test per failure: each has to exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!failure|input|---)([^|]+) \|[^|]+\| (.+) \|$", PAGE, re.MULTILINE)


def test_page_has_the_failures_that_must_be_there() -> None:
    failures = " ".join(failure for failure, _ in ROWS)
    for wanted in (
        "wrong device password",
        "unknown device",
        "another address",
        "INVITE without media",
        "disk full",
        "codec",
    ):
        assert wanted in failures


@pytest.mark.parametrize(("failure", "proof"), ROWS, ids=[failure for failure, _ in ROWS])
def test_failure_is_proved_by_a_test_that_exists(failure: str, proof: str) -> None:
    found = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", proof)
    assert found, f"{failure} names no test"
    path, name = found.groups()
    assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(), re.MULTILINE), proof
