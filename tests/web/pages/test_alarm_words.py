"""Every alarm that the platform raises has words in both languages."""

import re
from pathlib import Path

import pytest

from web.language import Language
from web.pages.render import read_catalog

SERVICES = Path(__file__).resolve().parents[3] / "vms" / "services"
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in SERVICES.glob("*.py"))
RAISED = re.findall(r"NewAlarm\((.*?)\n +\)\n", SOURCE, re.DOTALL)
KINDS = sorted(
    {
        kind
        for call in RAISED
        for value in re.findall(r"\bkind=(.*)", call)
        for kind in re.findall(r'"(\w+)"', value)
    }
)


def test_the_kinds_are_found() -> None:
    assert {"disk_full", "disk_failed", "stream_lost", "device_moved"} <= set(KINDS)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("kind", KINDS)
def test_alarm_kind_has_words(kind: str, language: Language) -> None:
    assert f"alarm.kind.{kind}" in read_catalog(language)
