"""The configuration: one frozen model per section, from `vms.toml` and `VMS_*` over it.

Nested keys are joined by `__` in the environment: `VMS_SIP__PORT=5061`. Unknown keys are refused.
Only `vms.app` and `vms.cli` see the whole; packages receive their section.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from vms.config_sections import (
    AnalyticsSection,
    HttpSection,
    LogSection,
    MediaSection,
    PlaybackSection,
    RecordingSection,
    RelaySection,
    Section,
    SipSection,
    StorageSection,
    SubscriptionsSection,
    UsersSection,
)
from vms.config_values import setting
from vms.errors import ConfigError

ENVIRONMENT_PREFIX = "VMS_"
FILE_NAME = "vms.toml"
SECTIONS: dict[str, type[Section]] = {
    "sip": SipSection,
    "subscriptions": SubscriptionsSection,
    "http": HttpSection,
    "media": MediaSection,
    "relay": RelaySection,
    "storage": StorageSection,
    "recording": RecordingSection,
    "playback": PlaybackSection,
    "analytics": AnalyticsSection,
    "users": UsersSection,
    "log": LogSection,
}


class Config(BaseSettings):
    """The whole configuration; only `vms.app` and `vms.cli` see it."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        use_attribute_docstrings=True,
    )

    data: Path = setting(Path("data"), "/var/lib/vms")
    """Folder of everything that is kept; `--data` goes over it."""
    time_zone: str = setting("Asia/Shanghai", "Asia/Shanghai")
    """Zone of the times that people and cameras see."""
    database_url: str = setting(
        "", "postgresql://vms:secret@10.1.2.4/vms", pattern=r"^($|sqlite:///|postgres(ql)?://)"
    )
    """Database; empty: SQLite in the data folder."""
    redis_url: str = setting("", "", pattern=r"^$")
    """Bus between several machines; this version runs on one and accepts only the empty value."""
    admin_password: SecretStr = setting(SecretStr(""), "")
    """Password of the user `admin` at the first start; empty: one is generated and printed."""
    sip: SipSection = SipSection()
    subscriptions: SubscriptionsSection = SubscriptionsSection()
    http: HttpSection = HttpSection()
    media: MediaSection = MediaSection()
    relay: RelaySection = RelaySection()
    storage: StorageSection = StorageSection()
    recording: RecordingSection = RecordingSection()
    playback: PlaybackSection = PlaybackSection()
    analytics: AnalyticsSection = AnalyticsSection()
    users: UsersSection = UsersSection()
    log: LogSection = LogSection()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("is not a zone of the IANA database") from error
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The zone of `time_zone`."""
        return ZoneInfo(self.time_zone)

    @property
    def database(self) -> str:
        """The database address in use."""
        return self.database_url or f"sqlite:///{(self.data / 'vms.sqlite3').resolve()}"


def load(path: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Read `vms.toml` (where it exists), the environment over it, `overrides` over both.

    A named file must exist. Raises ConfigError for the first thing that is wrong.
    """
    problems = find_problems(path, overrides)
    if problems:
        raise problems[0]
    return _read(path, overrides)


def find_problems(
    path: Path | None = None, overrides: Mapping[str, Any] | None = None
) -> list[ConfigError]:
    """Everything that is wrong with the configuration, each with key and example."""
    if path is not None and not path.is_file():
        return [ConfigError(str(path), "no such file", "vms run --config vms.toml")]
    try:
        _read(path, overrides)
    except tomllib.TOMLDecodeError as error:
        return [ConfigError(str(path or FILE_NAME), f"is not TOML: {error}", "[sip]\nport = 5060")]
    except ValidationError as error:
        return [_explain(item["loc"], item["msg"]) for item in error.errors()]
    return []


def unknown_variables(environment: Iterable[str] | None = None) -> list[str]:
    """`VMS_*` variables that name no key and no section; one inside a section stops the start."""
    known = {names for names, _ in settings()}
    found = os.environ if environment is None else environment
    return sorted(
        variable
        for variable in found
        if (names := _names(variable)) and names not in known and names[0] not in SECTIONS
    )


def settings() -> list[tuple[tuple[str, ...], FieldInfo]]:
    """Every key with its pydantic field, those of sections after the top-level ones."""
    found: list[tuple[tuple[str, ...], FieldInfo]] = [
        ((name,), field) for name, field in Config.model_fields.items() if name not in SECTIONS
    ]
    for name, section in SECTIONS.items():
        found += [((name, key), field) for key, field in section.model_fields.items()]
    return found


def _read(path: Path | None, overrides: Mapping[str, Any] | None) -> Config:
    file = path or Path(FILE_NAME)

    class Sourced(Config):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            in_file = TomlConfigSettingsSource(settings_cls, file)
            return init_settings, Environment(settings_cls), in_file

    return Sourced(**(overrides or {}))


class Environment(PydanticBaseSettingsSource):
    """`VMS_SECTION__KEY` as nested keys, all values as text.

    A variable that names a section but none of its keys is passed on, so that it is refused like
    an unknown key of the file; others that begin with `VMS_` are told by `unknown_variables`.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Not used: the whole tree is built at once."""
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        """The tree of the variables that are set."""
        tree: dict[str, Any] = {}
        known = {names for names, _ in settings()}
        for variable, value in os.environ.items():
            names = _names(variable)
            if len(names) == 2 and names[0] in SECTIONS:
                tree.setdefault(names[0], {})[names[1]] = value
            elif names in known:
                tree[names[0]] = value
        return tree


def _names(variable: str) -> tuple[str, ...]:
    if not variable.upper().startswith(ENVIRONMENT_PREFIX):
        return ()
    return tuple(variable[len(ENVIRONMENT_PREFIX) :].lower().split("__"))


def _explain(location: tuple[int | str, ...], message: str) -> ConfigError:
    key = ".".join(str(part) for part in location)
    wanted = tuple(str(part) for part in location)
    for names, field in settings():
        if wanted[: len(names)] == names:
            value = (field.examples or [""])[0]
            return ConfigError(key, _plain(message), example_line(names, value))
    near = difflib.get_close_matches(key, [".".join(names) for names, _ in settings()], n=1)
    hint = f"did you mean {near[0]}?" if near else "vms.example.toml lists all keys"
    return ConfigError(key, "no such key", hint)


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input ")


def example_line(names: tuple[str, ...], value: object) -> str:
    """One setting as it stands in `vms.toml`, with its section."""
    line = f"{names[-1]} = {toml_value(value)}"
    return f"[{names[0]}] {line}" if len(names) > 1 else line


def toml_value(value: object) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case list() | tuple():
            return "[" + ", ".join(toml_value(v) for v in value) + "]"
        case dict():
            pairs = (f"{key} = {toml_value(each)}" for key, each in value.items())
            return "{ " + ", ".join(pairs) + " }"
        case None:
            return '""'
        case SecretStr():
            return '""'
        case _:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{text}"'
