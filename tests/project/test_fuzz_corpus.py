"""Every input that once broke a parser is tried again, and a short fuzz run beside it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHORT_RUN_CASES = 300


def fuzz_driver() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_run", ROOT / "fuzz" / "run.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DRIVER = fuzz_driver()


@pytest.mark.parametrize("target", DRIVER.targets())
def test_only_the_parsers_own_error_escapes(target: str) -> None:
    result = DRIVER.run_target(target, SHORT_RUN_CASES, seed=1)
    assert result.findings == []


@pytest.mark.parametrize(
    "case",
    sorted((ROOT / "fuzz" / "corpus").glob("*/*")),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_a_kept_finding_stays_mended(case: Path) -> None:
    DRIVER.load(case.parent.name).one_case(case.read_bytes())


def test_every_parser_has_a_target() -> None:
    assert {"sip_message", "sip_stream", "sdp", "manscdp", "rtp", "ps"} <= set(DRIVER.targets())
