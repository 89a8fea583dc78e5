from pathlib import Path

import pytest

from vms.config import Config, find_problems, load, settings, toml_value, unknown_variables
from vms.config_docs import EXAMPLE, REFERENCE, build_example, build_reference
from vms.config_values import PortRange, Transport
from vms.errors import ConfigError

SECRET = "0123456789abcdef-relay-node-secret"
NODE = f'{{ url = "http://10.1.2.9:8090", secret = "{SECRET}" }}'
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the machine and no variable of the shell reaches these tests."""
    monkeypatch.chdir(tmp_path)
    for name in unknown_variables() + ["VMS_DATA", "VMS_ADMIN_PASSWORD", "VMS_HTTP__PORT"]:
        monkeypatch.delenv(name, raising=False)


def problem(text: str, tmp_path: Path) -> ConfigError:
    file = tmp_path / "vms.toml"
    file.write_text(text, encoding="utf-8")
    (found,) = find_problems(file)
    return found


def test_defaults_are_those_of_the_public_contract() -> None:
    config = load()
    assert (config.sip.port, config.http.port) == (5060, 8080)
    assert config.sip.server_id == "14040000002000000001"
    assert config.sip.domain == "1404000000"
    assert config.media.port_range == PortRange(30000, 30999)
    assert config.data == Path("data")
    assert config.database.startswith("sqlite:////")


def test_environment_goes_over_the_file_and_arguments_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "other.toml"
    file.write_text('data = "a"\n[sip]\nport = 1111\n[http]\nport = 2222\n')
    monkeypatch.setenv("VMS_SIP__PORT", "3333")
    monkeypatch.setenv("VMS_DATA", "b")
    config = load(file, {"data": Path("c")})
    assert (config.sip.port, config.http.port, config.data) == (3333, 2222, Path("c"))


def test_lists_and_port_ranges_are_read_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VMS_MEDIA__TRANSPORTS", "tcp-passive, udp")
    monkeypatch.setenv("VMS_MEDIA__PORTS", "40000-40010")
    media = load().media
    assert media.transports == (Transport.TCP_PASSIVE, Transport.UDP)
    assert media.port_range == PortRange(40000, 40010)


def test_unknown_key_of_the_file_is_refused_with_the_key_that_was_meant(tmp_path: Path) -> None:
    found = problem("[sip]\nprot = 5060\n", tmp_path)
    assert found.key == "sip.prot"
    assert "sip.port" in found.example


def test_unknown_key_of_a_section_in_the_environment_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VMS_SIP__PROT", "5060")
    with pytest.raises(ConfigError, match="no such key"):
        load()


def test_variable_that_names_nothing_is_told_and_not_fatal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VMS_RTSP__PORT", "8554")
    assert load().sip.port == 5060
    assert unknown_variables() == ["VMS_RTSP__PORT"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[sip]\nport = 70000\n", "sip.port"),
        ('[sip]\nserver_id = "123"\n', "sip.server_id"),
        ('[media]\nports = "30000"\n', "media.ports"),
        ('[media]\nports = "30002-30000"\n', "media.ports"),
        ('[media]\nports = "80-100"\n', "media.ports"),
        ("[media]\nshared_port = 29997\n", "media.shared_port"),
        ("[media]\nshared_port = 80\n", "media.shared_port"),
        ("[media]\nshared_port = 32768\n", "media.shared_port"),
        ("[media]\nshared_port = 30500\n", "media.shared_port"),
        ('[media]\nports = "30001-30999"\nshared_port = 30000\n', "media.shared_port"),
        ('time_zone = "Mars/Olympus"\n', "time_zone"),
        ('redis_url = "redis://x"\n', "redis_url"),
        ('database_url = "mysql://x"\n', "database_url"),
        ("[storage]\naudit_days = 30\n", "storage.audit_days"),
        ('[relay]\nsecret = "short"\n', "relay.secret"),
        ('[relay]\nsecret = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"\n', "relay.secret"),
        ("[relay]\nport = 70000\n", "relay.port"),
        ("[relay]\ncontroller_silence_s = 0\n", "relay.controller_silence_s"),
        (f'[[relay.nodes]]\nurl = "10.1.2.9:8090"\nsecret = "{SECRET}"\n', "relay.nodes.0.url"),
        (f'[[relay.nodes]]\nurl = "ftp://a"\nsecret = "{SECRET}"\n', "relay.nodes.0.url"),
        (f'[[relay.nodes]]\nurl = "http://a/b"\nsecret = "{SECRET}"\n', "relay.nodes.0.url"),
        (f'[[relay.nodes]]\nurl = "http://a:x"\nsecret = "{SECRET}"\n', "relay.nodes.0.url"),
        (f'[[relay.nodes]]\nurl = "http://u:p@a"\nsecret = "{SECRET}"\n', "relay.nodes.0.url"),
        ('[[relay.nodes]]\nurl = "http://a"\nsecret = "short"\n', "relay.nodes.0.secret"),
        ('[[relay.nodes]]\nurl = "http://a"\nsecret = ""\n', "relay.nodes.0.secret"),
        ('[[relay.nodes]]\nurl = "http://a"\n', "relay.nodes.0.secret"),
        ('[relay]\nnodes = "{"\n', "relay.nodes"),
        (f"[relay]\nnodes = [{NODE}, {NODE}]\n", "relay.nodes"),
    ],
)
def test_bad_value_names_key_and_gives_an_example(text: str, key: str, tmp_path: Path) -> None:
    found = problem(text, tmp_path)
    assert found.key == key
    assert found.reason
    assert found.example


def test_relay_nodes_are_read_from_file_and_environment_and_hide_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "vms.toml"
    file.write_text(f"[relay]\nnodes = [{NODE}]\n")
    monkeypatch.delenv("VMS_RELAY__NODES", raising=False)
    in_file = load(file)
    monkeypatch.setenv(
        "VMS_RELAY__NODES", f'[{{"url": "http://10.1.2.9:8090/", "secret": "{SECRET}"}}]'
    )
    in_environment = load()
    for config in (in_file, in_environment):
        (node,) = config.relay.nodes
        assert node.url == "http://10.1.2.9:8090"
        assert node.secret.get_secret_value() == SECRET
        assert SECRET not in repr(config)


@pytest.mark.parametrize("port", [0, 1024, 29998, 31000, 32766])
def test_shared_port_lies_beside_the_others(port: int, tmp_path: Path) -> None:
    file = tmp_path / "vms.toml"
    file.write_text(f"[media]\nshared_port = {port}\n")
    assert load(file).media.shared_port == port


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "vms.toml"
    file.write_text("[sip]\nport = -1\n[http]\nport = 99999\n")
    assert {each.key for each in find_problems(file)} == {"sip.port", "http.port"}


def test_file_that_is_not_toml_is_told(tmp_path: Path) -> None:
    assert "not TOML" in problem("[sip\n", tmp_path).reason


def test_named_file_must_exist(tmp_path: Path) -> None:
    (found,) = find_problems(tmp_path / "none.toml")
    assert found.reason == "no such file"


def test_configuration_cannot_be_changed_and_hides_the_password() -> None:
    config = load(overrides={"admin_password": "very secret"})
    assert "very secret" not in repr(config)
    with pytest.raises(ValueError, match="frozen"):
        config.sip.port = 1  # type: ignore[misc]  # the point of the test


def test_every_key_has_meaning_example_and_usable_example() -> None:
    for names, field in settings():
        assert field.description, names
        assert field.examples, names


def test_defaults_written_as_toml_are_read_back_the_same(tmp_path: Path) -> None:
    by_section: dict[str, list[str]] = {}
    for names, field in settings():
        section = names[0] if len(names) > 1 else ""
        by_section.setdefault(section, []).append(f"{names[-1]} = {toml_value(field.default)}")
    text = "\n".join(by_section.pop(""))
    for section, lines in by_section.items():
        text += f"\n[{section}]\n" + "\n".join(lines)
    file = tmp_path / "all.toml"
    file.write_text(text, encoding="utf-8")
    assert load(file).model_dump() == Config().model_dump()


def test_example_file_and_reference_page_are_up_to_date() -> None:
    hint = "run `python -m vms.config_docs`"
    assert (ROOT / EXAMPLE).read_text(encoding="utf-8") == build_example(), hint
    assert (ROOT / REFERENCE).read_text(encoding="utf-8") == build_reference(), hint
