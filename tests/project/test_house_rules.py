"""The repository checks itself: sizes, words that must not be there, links, requirement ids."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vms", "sip", "stream_relay", "analytics", "channel_registry", "web")
PLACES = (*PACKAGES, "tests", "docs", "scripts", "fuzz", "bench")
MODULE_LINES = 400


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def sources() -> list[Path]:
    patterns = [
        f"{package}/**/*.{suffix}" for package in PACKAGES for suffix in ("py", "pyx", "ts")
    ]
    return tracked(*patterns, *(f"{package}/*.py" for package in PACKAGES))


def test_no_module_is_longer_than_fits_in_the_head() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in sources()
        if (lines := len(path.read_text().splitlines())) > MODULE_LINES
    }
    assert long == {}


def test_nothing_is_left_unfinished_or_silenced() -> None:
    marks = re.compile(
        r"\b(TODO|FIXME|XXX)\b|NotImplementedError|pytest\.(skip|mark\.(skip|xfail))"
        r"|suppress\((Base)?Exception|# noqa(?!: [A-Z]+\d+)|# type: ignore(?!\[)"
    )
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in [*sources(), *tracked("tests/**/*.py")]
        if path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


def test_no_folder_is_named_after_nothing() -> None:
    homeless = {"utils", "helpers", "common", "misc"}
    assert [path for path in sources() if homeless & {path.stem, *path.parts}] == []


@pytest.mark.parametrize("page", [p for p in tracked("*.md") if p.suffix == ".md"], ids=str)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", tracked("README.md", "docs/*.md"), ids=str)
def test_files_and_tests_that_a_page_names_are_there(page: Path) -> None:
    named = re.findall(
        rf"`((?:{'|'.join(PLACES)})/[\w./-]+\.[a-z]+)(?:::(\w+))?`", page.read_text()
    )
    there = {name: (ROOT / name).read_text() for name, _ in named if (ROOT / name).is_file()}
    assert [name for name, _ in named if name not in there] == []
    assert [test for name, test in named if test and f"def {test}(" not in there[name]] == []


def test_every_failure_names_a_test() -> None:
    rows = [row for row in (ROOT / "docs" / "failures.md").read_text().splitlines() if "|" in row]
    nameless = [row for row in rows if not re.search(r"\| .*`tests/[\w/]+\.py::\w+`.* \|$", row)]
    assert [row for row in nameless if not re.match(r"\| (failure|input) \||\|---", row)] == []


def test_readme_shows_the_two_commands_that_the_makefile_has() -> None:
    readme = (ROOT / "README.md").read_text()
    makefile = (ROOT / "Makefile").read_text()
    for command in ("run", "test"):
        assert f"make {command}" in readme
        assert re.search(rf"^{command}:", makefile, re.MULTILINE)


def test_every_run_time_dependency_has_a_reason() -> None:
    setup = (ROOT / "setup.py").read_text()
    required = (
        setup.split("install_requires=[")[1].split("]")[0] if "install_requires=[" in setup else ""
    )
    names = re.findall(r'"([A-Za-z0-9_-]+)', required)
    reasons = (ROOT / "docs" / "dependencies.md").read_text().lower()
    assert len(names) > 10
    assert [name for name in names if name.lower() not in reasons] == []
