import stat
from pathlib import Path

import pytest

from vms.errors import ConfigError
from vms.secrets import Secrets


def test_key_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = Secrets(tmp_path / "new")
    file = tmp_path / "new" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert Secrets(tmp_path / "new").decrypt(first.encrypt("geheim")) == "geheim"


def test_open_permissions_are_taken_back(tmp_path: Path) -> None:
    Secrets(tmp_path)
    (tmp_path / "secret.key").chmod(0o644)
    Secrets(tmp_path)
    assert stat.S_IMODE((tmp_path / "secret.key").stat().st_mode) == 0o600


def test_each_installation_has_its_own_key(tmp_path: Path) -> None:
    one, two = Secrets(tmp_path / "1"), Secrets(tmp_path / "2")
    with pytest.raises(ConfigError, match="another key"):
        two.decrypt(one.encrypt("geheim"))
    assert not two.is_signed(b"message", one.sign(b"message"))


def test_signature_of_one_purpose_is_worth_nothing_for_another(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    signature = secrets.sign(b"message", "media-tokens")
    assert secrets.is_signed(b"message", signature, "media-tokens")
    assert not secrets.is_signed(b"message", signature, "tokens")
    assert not secrets.is_signed(b"massage", signature, "media-tokens")


def test_same_password_is_stored_differently_each_time(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path)
    assert secrets.encrypt("a") != secrets.encrypt("a")
    assert "geheim" not in secrets.encrypt("geheim")


@pytest.mark.parametrize("content", [b"", b"short", b"not base64!!", b"QUJD"])
def test_damaged_key_stops_the_start(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "secret.key").write_bytes(content)
    with pytest.raises(ConfigError, match="damaged"):
        Secrets(tmp_path)
