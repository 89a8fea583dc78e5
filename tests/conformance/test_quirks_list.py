"""The list of quirks is whole: each has a test, and a switch in the simulator or a reason."""

import csv
import re
from pathlib import Path

import pytest

from sip.simulator.profile import Faults
from sip.simulator.quirks import QuirkSwitches
from stream_relay.media_quirks import MediaQuirks
from stream_relay.packetizer import MediaFaults

HERE = Path(__file__).parent
REFERENCE = [f"q{number:02d}" for number in range(1, 54)]
SWITCHES = {*Faults.__dataclass_fields__, *MediaFaults.__dataclass_fields__}


def quirks() -> list[dict[str, str]]:
    with (HERE / "quirks_list.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def numbers_with_tests() -> set[str]:
    text = "".join(path.read_text() for path in HERE.glob("test_quirks*.py"))
    return set(re.findall(r"^(?:async )?def test_([qp]\d\d)_\w", text, re.MULTILINE))


def test_every_quirk_of_the_reference_is_listed_once() -> None:
    numbers = [row["number"] for row in quirks()]
    assert len(set(numbers)) == len(numbers)
    assert [number for number in numbers if number.startswith("q")] == REFERENCE


def test_every_quirk_has_a_test_and_every_test_its_quirk() -> None:
    assert numbers_with_tests() == {row["number"] for row in quirks()}


@pytest.mark.parametrize("row", quirks(), ids=lambda row: row["number"])
def test_every_quirk_has_a_switch_or_a_reason(row: dict[str, str]) -> None:
    names = row["switch"].split()
    assert bool(names) is not bool(row["why_none"])
    assert set(names) <= SWITCHES


def test_every_new_switch_is_of_the_list() -> None:
    listed = {name for row in quirks() for name in row["switch"].split()}
    own = {*QuirkSwitches.__dataclass_fields__, *MediaQuirks.__dataclass_fields__}
    assert own <= listed
