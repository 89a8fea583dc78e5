"""docs/threats.md promises tests per case: each has to exist, and every case has to be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threats.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (?!case|fault|---)([^|]+) \| [^|]+ \| (.+) \|$", PAGE, re.MULTILINE)


def test_every_case_of_signalling_is_there() -> None:
    numbers = [int(found[0]) for case, _ in ROWS if (found := re.match(r"\d+", case))]
    assert numbers == [*range(1, 18), 40]


@pytest.mark.parametrize(("case", "proof"), ROWS, ids=[case for case, _ in ROWS])
def test_a_case_is_proved_by_tests_that_exist(case: str, proof: str) -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", proof)
    assert named, f"{case} names no test"
    assert " ".join(f"`{path}::{name}`" for path, name in named) == proof
    for path, name in named:
        text = (ROOT / path).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", text, re.MULTILINE), f"{path}::{name}"
