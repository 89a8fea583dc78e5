"""docs/guide/doctor.md lists every verdict with the words that people see."""

from pathlib import Path

import pytest

from vms.records import Cause
from web.words.doctor import VERDICTS

PAGE = (Path(__file__).resolve().parents[2] / "docs/guide/doctor.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("cause", Cause)
def test_each_verdict_is_in_the_guide_with_its_words(cause: Cause) -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith(f"| `{cause.value}` |")]
    title_zh, title_en, hint_zh, hint_en = VERDICTS[cause.value]
    chinese, english = rows
    assert f"| {title_zh} | {hint_zh} |" in chinese
    assert f"| {title_en} | {hint_en} |" in english
