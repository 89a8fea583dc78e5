"""Fixtures every test may use."""

from inspect import iscoroutinefunction
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
LONG = (
    "e2e/",
    "web/test_viewer_in_browser.py",
    "web/test_platforms_in_browser.py",
    "vms/services/doctor/test_verdicts.py",
    "damage/",
    "bench/",
    "project/",
)

settings.register_profile("house", deadline=None)  # tests are about behaviour, never about time
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of footage, models, rig and public test suites that lies beside the project."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.fail(
            f"field tests need the folder {folder} (footage, models, rig, testdata); "
            "run `make test` for everything that stands on its own",
            pytrace=False,
        )
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests that live in real time a second go; the run's end lists each that needed it.

    Those are the ones marked `e2e`, those with an event loop (their sockets and timers are real)
    and those on a PostgreSQL of their own. What only computes gets one go.

    Files that take minutes begin first, so that none is left alone with one worker at the end.
    """
    for item in items:
        if _lives_in_real_time(item):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
    items.sort(key=lambda item: not str(item.path.relative_to(ROOT / "tests")).startswith(LONG))


def _lives_in_real_time(item: pytest.Item) -> bool:
    if item.get_closest_marker("e2e") is not None:
        return True
    if not isinstance(item, pytest.Function):
        return False
    return iscoroutinefunction(item.function) or "postgres_server" in item.fixturenames
