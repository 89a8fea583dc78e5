"""The wheel is whole: installed into an empty environment it serves pages away from the sources."""

import re
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.e2e.platform import Platform

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("vms", "sip", "stream_relay", "analytics", "channel_registry", "web")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The python of an environment that holds the wheel and, beside it, our dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    python = folder / "env" / "bin" / "python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "env")}))
    target = ["--target", site]
    subprocess.run([*pip, "install", "--no-deps", *target, wheel], check=True, capture_output=True)
    # The dependencies come from the development environment, so that no network is needed. A path
    # added this way does not read the other environment's own .pth files: its link to the source
    # tree stays out.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.mark.timeout(1800)
def test_code_and_compiled_twins_come_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    script = (
        "import vms, stream_relay.formats._ps as twin, channel_registry.categories as c;"
        "print(vms.__file__); print(twin.__file__); print(len(c.CATEGORIES))"
    )
    shown = subprocess.run(
        [installed, "-E", "-c", script], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    module, twin, categories = shown.stdout.split()
    assert Path(module).is_relative_to(installed.parents[1])
    assert Path(twin).is_relative_to(installed.parents[1])
    assert twin.endswith(".so")
    assert categories == "36"


@pytest.mark.timeout(1800)
def test_every_table_template_and_text_of_the_sources_is_in_the_wheel(installed: Path) -> None:
    kinds = ("csv", "json", "html")
    patterns = [f"{package}/**.{kind}" for package in PACKAGES for kind in kinds]
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--", *patterns, ":!web/frontend"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert {"sip/gb28181/quirks.csv", "web/templates/login.html"} <= set(listed)
    site = next(installed.parents[1].glob("lib/python3*/site-packages"))
    assert [name for name in listed if not (site / name).is_file()] == []


@pytest.mark.timeout(1800)
def test_platform_starts_and_shows_its_login_page(installed: Path, tmp_path: Path) -> None:
    platform = Platform(tmp_path / "data")
    with platform.run(str(installed), cwd=tmp_path):
        page = platform.get("/login")
        assert page.status == 200
        text = page.body.decode()
        assets = re.findall(r'(?:src|href)="(/static/[^"]+)"', text)
        assert assets
        assert all(platform.get(asset).status == 200 for asset in assets)
        assert platform.running is not None
        assert platform.running.stop() == 0
