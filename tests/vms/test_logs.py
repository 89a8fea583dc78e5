import io
import json
import logging
from zoneinfo import ZoneInfo

import pytest

from vms.config_sections import LogSection
from vms.config_values import LogFormat, LogLevel
from vms.logs import set_up_logs

BEIJING = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
def root_as_it_was() -> object:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def lines(section: LogSection, message: str, **facts: object) -> list[str]:
    stream = io.StringIO()
    set_up_logs(section, BEIJING, stream)
    logging.getLogger("vms.test").info(message, extra=facts)
    return stream.getvalue().splitlines()


def test_line_is_sentence_then_facts_then_module() -> None:
    (line,) = lines(LogSection(), "device online", device="1404", cause="registered")
    assert line[12:] == " INFO    device online device=1404 cause=registered (vms.test)"


def test_value_from_outside_cannot_begin_a_line_of_its_own() -> None:
    found = lines(LogSection(), "x", title='a"b\n2026 ERROR forged=1')
    assert len(found) == 1
    assert r'title="a\"b' in found[0]


def test_json_lines_are_objects_with_the_facts() -> None:
    (line,) = lines(LogSection(format=LogFormat.JSON), "device online", device="1404")
    entry = json.loads(line)
    assert (entry["message"], entry["device"], entry["level"]) == ("device online", "1404", "info")
    assert entry["at"].endswith("+08:00")


def test_level_is_respected() -> None:
    assert lines(LogSection(level=LogLevel.WARNING), "quiet") == []


def test_traceback_follows_the_line() -> None:
    stream = io.StringIO()
    set_up_logs(LogSection(), BEIJING, stream)
    try:
        raise ValueError("why")
    except ValueError:
        logging.getLogger("vms.test").exception("it broke")
    assert "ValueError: why" in stream.getvalue()
